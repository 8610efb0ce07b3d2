"""`python -m control_plane`: serves the control plane's API."""

import sys

import uvloop

from control_plane.server import serve
from control_plane.settings import Settings
from store import log
from store.database import UNAVAILABLE
from store.environment import SettingsError


def main() -> int:
    """Read the environment and serve; 1 where a store is away at start, 2 where the environment does not hold."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log.error("cannot start", reason=str(error))
        return 2
    try:
        uvloop.run(serve(settings))
    except UNAVAILABLE as error:
        log.error("cannot start", reason=type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
