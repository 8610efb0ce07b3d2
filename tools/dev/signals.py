"""Turns signals into something a loop can wait for: a wish to stop, and the news that a child has died."""

import contextlib
import select
import signal
import socket
from collections.abc import Iterator
from types import FrameType

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Remembers whether a person asked to stop, and wakes whoever waits."""

    def __init__(self, wake: socket.socket) -> None:
        self.stop_requested = False
        self._wake = wake

    def wait(self, timeout_s: float) -> None:
        """Return when a signal came, or after the timeout."""
        if select.select([self._wake], [], [], timeout_s)[0]:
            self._wake.recv(4096)

    def on_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Note the wish; who waits sees it next."""
        self.stop_requested = True


@contextlib.contextmanager
def caught() -> Iterator[Signals]:
    """Catch signals for the time of the block.

    SIGINT is set explicitly: a shell that starts us in the background has it ignored, and then Python would
    not install its own handler.
    """
    reader, writer = socket.socketpair()
    reader.setblocking(False)
    writer.setblocking(False)
    signals = Signals(reader)
    before = {number: signal.signal(number, signals.on_stop) for number in _STOP}
    before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
