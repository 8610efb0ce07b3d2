"""Places where a process can be made to die: for simulations, which want crashes at the worst moments.

`reached(name)` does nothing unless VAUCHFLOW_FAILPOINTS named a folder when the process started. Then a file of that
name in the folder, used up by the first who sees it, kills the process there and then; one that says `stop` stops it
until somebody lets it go on. Must never be reached with anything but the name of a place.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path


def _nothing(_name: str) -> None:
    """Nobody simulates anything."""


def _watching(folder: Path) -> Callable[[str], None]:
    def look(name: str) -> None:
        armed = folder / name
        try:
            wish = armed.read_text()
            armed.unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGSTOP if wish == "stop" else signal.SIGKILL)

    return look


def from_environment() -> Callable[[str], None]:
    """What `reached` is in this process."""
    folder = os.environ.get("VAUCHFLOW_FAILPOINTS", "")
    return _watching(Path(folder)) if folder else _nothing


reached = from_environment()
