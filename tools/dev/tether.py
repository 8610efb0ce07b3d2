"""Ties a process to its parent, then becomes the command: `tether.py SIGNAL PARENT_PID COMMAND...`.

It runs as a program of its own and not between fork and exec of the parent, because Python code there is
unsafe as soon as the parent has threads (and the test-suite has). It imports nothing of ours.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie_to_parent(death_signal: signal.Signals, parent_pid: int) -> None:
    """Ask the kernel to send `death_signal` when the parent dies. Where it cannot (macOS), do nothing."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        # The parent died before the kernel knew of our wish: the signal will never come.
        raise SystemExit(1)


def main(arguments: list[str]) -> None:
    """Tie, give the command the signal dispositions it expects, and become it."""
    signal_name, parent_pid, *command = arguments
    tie_to_parent(signal.Signals[signal_name], int(parent_pid))
    # Ignored signals survive exec. Python ignores SIGPIPE, and a shell's `./dev &` ignores SIGINT.
    for ordinary in (signal.SIGPIPE, signal.SIGINT, signal.SIGHUP):
        signal.signal(ordinary, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
