"""What the launcher says to a person. The only place of tools/dev that writes to a terminal."""

import sys
from typing import NoReturn


class LauncherError(Exception):
    """Something a person can mend; the message says how."""


def say(line: str = "") -> None:
    """Write one line, at once: a pipe must see it when a terminal would."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def stop_with(message: str) -> NoReturn:
    """Leave with a message and a failure."""
    sys.stderr.write(f"./dev: {message}\n")
    raise SystemExit(1)
