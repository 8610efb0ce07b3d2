"""`python -m engine.reconciler`."""

import sys

import uvloop

from engine import log
from engine.reconciler.process import serve
from engine.reconciler.settings import Settings
from engine.settings import SettingsError


def main() -> int:
    """Read the environment, run, and say in one line what was wrong."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log.error("the reconciler cannot start", reason=str(error))
        return 1
    uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
