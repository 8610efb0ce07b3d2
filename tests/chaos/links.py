"""The driver's side of the proxy: starts it, asks for its ports, tells it what a link shall do."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tests.chaos.proxy import Direction, Mode, Wish
from tests.servers.waiting import eventually
from tools.dev.processes import Process, Program


class Links:
    """All links of a world. Names are `source->target`."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "proxy.sock"
        self._log = folder / "logs" / "proxy.log"
        self._process: Process | None = None
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._asking = asyncio.Lock()
        self.ports: dict[str, int] = {}

    async def start(self, targets: dict[str, int]) -> None:
        """Listen for each link; `targets` says where each goes."""
        self._process = Process(
            Program(
                name="proxy",
                argv=(sys.executable, "-m", "tests.chaos.proxy", str(self._socket)),
                log=self._log,
                stdin=msgspec.json.encode(targets),
            )
        )
        self._stream = await eventually(self._connected, "the proxy")
        self.ports = await self._ask(Wish("ports"))

    async def stop(self) -> None:
        """End it; every connection through it breaks."""
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None
        if self._process is not None:
            self._process.kill()
            self._process = None

    def named(self, source: str = "", target: str = "") -> list[str]:
        """The links from a source, to a target, or both."""
        ends = {name: name.split("->") for name in self.ports}
        return [n for n, (from_, to) in ends.items() if source in ("", from_) and target in ("", to)]

    async def set(
        self,
        links: Iterable[str],
        mode: Mode | None = None,
        delay_ms: float | None = None,
        target_port: int | None = None,
        keeps: bool | None = None,
    ) -> None:
        """Change these links; what is None stays as it is."""
        await self._ask(Wish("set", list(links), mode, delay_ms, target_port, keeps=keeps))

    async def half_close(self, links: Iterable[str], after_bytes: int, direction: Direction) -> None:
        """End one direction of what is connected now after so many more bytes; the other direction lives."""
        await self._ask(Wish("half_close", list(links), after_bytes=after_bytes, direction=direction))

    async def heal(self) -> None:
        """Every link passes, without delay."""
        await self.set(self.ports, "pass", 0.0, keeps=False)

    async def counts(self) -> dict[str, tuple[int, int, int]]:
        """Of each link: connections now, connections ever, bytes carried."""
        return {name: (now, ever, carried) for name, (now, ever, carried) in (await self._ask(Wish("counts"))).items()}

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        try:
            return await asyncio.open_unix_connection(self._socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return None

    async def _ask(self, wish: Wish) -> Any:
        assert self._stream is not None, "not started"
        reader, writer = self._stream
        async with self._asking:
            writer.write(msgspec.json.encode(wish) + b"\n")
            return msgspec.json.decode(await reader.readline())
