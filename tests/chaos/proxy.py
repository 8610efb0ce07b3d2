"""The network between the processes: `python -m tests.chaos.proxy CONTROL_SOCKET`, links as JSON on stdin.

One listener for each link, so that a fault can hit the way from one process to one server and no other. A process of
its own, because a driver that is busy would slow everybody's network. Must never understand what it carries.
"""

import asyncio
import contextlib
import socket
import struct
import sys
from collections import deque
from typing import Any, Literal, cast

import msgspec
import uvloop

Mode = Literal["pass", "cut", "hold", "swallow"]
Direction = Literal["up", "down"]

HOST = "127.0.0.1"
_MOST_HELD = 4 * 1024 * 1024
_ANEW_S = 0.02
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Wish(msgspec.Struct, omit_defaults=True):
    """A command on the control socket. Of `set`, what is None stays as it is."""

    do: Literal["ports", "set", "half_close", "counts"]
    links: list[str] = []
    mode: Mode | None = None
    delay_ms: float | None = None
    target_port: int | None = None
    after_bytes: int = 0
    direction: Direction = "down"
    keeps: bool | None = None


class Link:
    """The way from one process to one target.

    pass: bytes go through. cut: what is connected is reset, who connects is reset too. hold: nothing comes through,
    and all of it comes late, when the link passes again. swallow: nothing comes through, and never will; what has
    lost bytes is reset when the link passes again. `keeps`, in any mode: who is connected does not hear that the target
    has gone, and is connected anew to whoever comes up there.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.mode: Mode = "pass"
        self.delay_s = 0.0
        self.keeps = False
        self.pairs: set[Pair] = set()
        self.carried_bytes = 0
        self.accepted = 0

    def change(self, wish: Wish) -> None:
        if wish.delay_ms is not None:
            self.delay_s = wish.delay_ms / 1000
        if wish.keeps is not None:
            self.keeps = wish.keeps
        if wish.target_port is not None and wish.target_port != self.target_port:
            self.target_port = wish.target_port
            self.reset(list(self.pairs))
        if wish.mode is not None:
            self.mode = wish.mode
            if wish.mode == "cut":
                self.reset(list(self.pairs))
            elif wish.mode == "pass":
                self.reset([pair for pair in self.pairs if pair.has_lost])
                for pair in list(self.pairs):
                    pair.up.go_on()
                    pair.down.go_on()

    def half_close(self, after_bytes: int, direction: Direction) -> None:
        for pair in self.pairs:
            (pair.up if direction == "up" else pair.down).budget = after_bytes

    @staticmethod
    def reset(pairs: "list[Pair]") -> None:
        for pair in pairs:
            pair.reset()


class Pipe:
    """One direction of one connection: what it has taken in comes out in order, later or never."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.budget: int | None = None
        self.has_lost = False
        self.source: End
        self.sink: End
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes | None]] = deque()
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def push(self, data: bytes | None) -> None:
        """Take bytes in, or the end (None)."""
        link = self.link
        if link.mode == "swallow":
            self.has_lost = True
        elif link.mode == "pass" and not link.delay_s and not self._queue:
            self._deliver(data)
        else:
            due = self._loop.time() + link.delay_s
            self._queue.append((max(due, self._queue[-1][0]) if self._queue else due, data))
            self._held += len(data or b"")
            if self._held > _MOST_HELD:
                self.source.pause(self)
            self.go_on()

    def go_on(self) -> None:
        """Deliver what is due, unless the link holds it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue and self.link.mode == "pass":
            due, data = self._queue[0]
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self.go_on)
                return
            self._queue.popleft()
            self._held -= len(data or b"")
            self._deliver(data)
        if self._held <= _MOST_HELD:
            self.source.resume(self)

    def stop(self) -> None:
        """Nothing more comes out."""
        if self._timer is not None:
            self._timer.cancel()
        self._queue.clear()
        self._ended = True

    def _deliver(self, data: bytes | None) -> None:
        if self._ended:
            return
        if data is None:
            self._end()
            return
        if self.budget is not None:
            data = data[: self.budget]
            self.budget -= len(data)
        self.link.carried_bytes += len(data)
        self.sink.write(data)
        if self.budget == 0:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self.sink.end()


class End(asyncio.Protocol):
    """One socket of a pair; what it hears goes into `hears`."""

    def __init__(self, pair: "Pair", hears: Pipe) -> None:
        self.pair = pair
        self._hears = hears
        self._pausing: set[object] = set()
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.is_gone = False
        # How much of what is heard first is not for the other side.
        self.skips = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.is_gone:
            self.reset()
            return
        if self._pausing:
            self._transport.pause_reading()
        for data in self._early:
            self._transport.write(data)
        self._early.clear()
        self.pair.connected(self)

    def data_received(self, data: bytes) -> None:
        skipped = min(self.skips, len(data))
        self.skips -= skipped
        if data := data[skipped:]:
            self.pair.greeting.heard(data, self is self.pair.client)
            self._hears.push(data)

    def eof_received(self) -> bool:
        if self.pair.keeps(self):
            return False
        self._hears.push(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        kept = self.pair.keeps(self)
        self.is_gone = True
        self._transport = None
        if kept:
            self.pair.connect_anew()
        else:
            self.pair.lost(broken=exc is not None)

    def pause_writing(self) -> None:
        self.pair.other(self).pause(self)

    def resume_writing(self) -> None:
        self.pair.other(self).resume(self)

    def pause(self, who: object) -> None:
        if not self._pausing and self._transport is not None:
            self._transport.pause_reading()
        self._pausing.add(who)

    def resume(self, who: object) -> None:
        if who in self._pausing:
            self._pausing.discard(who)
            if not self._pausing and self._transport is not None and not self.is_gone:
                self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        if self.is_gone:
            return
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def end(self) -> None:
        """The other side has ended its half."""
        if self._transport is not None and not self.is_gone and self._transport.can_write_eof():
            with contextlib.suppress(OSError, RuntimeError):
                self._transport.write_eof()
        self.pair.half_ended()

    def close(self) -> None:
        if self._transport is not None and not self.is_gone:
            self._transport.close()

    def reset(self) -> None:
        """As a host does that knows nothing of the connection."""
        self.is_gone = True
        if self._transport is not None:
            with contextlib.suppress(OSError):
                found = self._transport.get_extra_info("socket")
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()


class Greeting:
    """What a client said first, before it had an answer, and how long the answer was. Whoever comes up anew at the
    target is told the same, because a server may want to know who speaks."""

    def __init__(self) -> None:
        self.said = b""
        self.answered_bytes = 0
        self._is_over = False

    def heard(self, data: bytes, from_client: bool) -> None:
        if self._is_over:
            return
        if not from_client:
            self.answered_bytes += len(data)
        elif self.answered_bytes:
            self._is_over = True
        else:
            self.said += data


class Pair:
    """One connection: the socket that came in, and the one that goes out."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.greeting = Greeting()
        self.up, self.down = Pipe(link), Pipe(link)
        self._client, self._target = End(self, self.up), End(self, self.down)
        self.up.source = self.down.sink = self._client
        self.up.sink = self.down.source = self._target
        self._connecting: asyncio.Task[None] | None = None
        self._halves_ended = 0
        link.pairs.add(self)
        link.accepted += 1

    @property
    def client(self) -> End:
        """What the listener gets."""
        return self._client

    @property
    def has_lost(self) -> bool:
        """Whether bytes of it are gone."""
        return self.up.has_lost or self.down.has_lost

    def other(self, end: End) -> End:
        return self._target if end is self._client else self._client

    def connected(self, end: End) -> None:
        if end is not self._client:
            return
        if self._link.mode == "cut":
            self.reset()
            return
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_connection(lambda: self._target, HOST, self._link.target_port)
            except OSError:
                if not self._link.keeps:
                    self.reset()
                    return
                await asyncio.sleep(_ANEW_S)
            else:
                return

    def keeps(self, end: End) -> bool:
        """Whether the client is not to hear that this socket has gone."""
        return self._link.keeps and end is self._target and not end.is_gone and not self._client.is_gone

    def connect_anew(self) -> None:
        """The target has gone, and whoever comes up there goes on with the same client."""
        self._target = End(self, self.down)
        self.up.sink = self.down.source = self._target
        self._target.skips = self.greeting.answered_bytes
        self._target.write(self.greeting.said)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def half_ended(self) -> None:
        self._halves_ended += 1
        if self._halves_ended == 2:
            self._client.close()
            self._target.close()

    def lost(self, *, broken: bool) -> None:
        """A socket is gone. One that broke takes the other with it, as soon as the link lets the news through."""
        if broken and self._link.mode in ("hold", "swallow"):
            self.up.has_lost = True
        elif broken or (self._client.is_gone and self._target.is_gone):
            self.reset()

    def reset(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
        self._client.reset()
        self._target.reset()
        self._forget()

    def _forget(self) -> None:
        self.up.stop()
        self.down.stop()
        self._link.pairs.discard(self)


class Proxy:
    """All links, and the control socket."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._ports: dict[str, int] = {}

    async def listen(self, name: str, target_port: int) -> None:
        link = self._links[name] = Link(target_port)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Pair(link).client, HOST, 0, backlog=1024)
        self._ports[name] = server.sockets[0].getsockname()[1]

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decode = msgspec.json.Decoder(Wish).decode
        while line := await reader.readline():
            writer.write(msgspec.json.encode(self._do(decode(line))) + b"\n")
            await writer.drain()

    def _do(self, wish: Wish) -> Any:
        if wish.do == "ports":
            return self._ports
        if wish.do == "counts":
            return {name: [len(link.pairs), link.accepted, link.carried_bytes] for name, link in self._links.items()}
        for name in wish.links:
            link = self._links[name]
            if wish.do == "set":
                link.change(wish)
            else:
                link.half_close(wish.after_bytes, wish.direction)
        return {}


async def main(control_socket: str, links: dict[str, int]) -> None:
    """Until killed."""
    proxy = Proxy()
    for name, target_port in links.items():
        await proxy.listen(name, target_port)
    server = await asyncio.start_unix_server(proxy.control, control_socket)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, int])))
