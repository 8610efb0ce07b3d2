"""`python -m control_plane`: serves the control plane's API."""

import sys

import uvloop

from control_plane.logs import log
from control_plane.server import serve
from control_plane.settings import Settings, SettingsError
from store.database import UNAVAILABLE


def main() -> int:
    """Read the environment and serve; 1 where a store is away at start, 2 where the environment does not hold."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log("cannot_start", reason=str(error))
        return 2
    try:
        uvloop.run(serve(settings))
    except UNAVAILABLE as error:
        log("cannot_start", reason=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
