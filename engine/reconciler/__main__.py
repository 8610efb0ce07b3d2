"""`python -m engine.reconciler`."""

import logging
import sys

import uvloop

from engine.reconciler.process import serve
from engine.reconciler.settings import Settings
from store import log
from store.environment import SettingsError


class _JsonHandler(logging.Handler):
    """What libraries have to say, as one of our lines: without its traceback, which may hold a URL."""

    def emit(self, record: logging.LogRecord) -> None:
        log.warning(record.getMessage(), logger=record.name)


def main() -> int:
    """Read the environment, run, and say in one line what was wrong."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        log.error("the reconciler cannot start", reason=str(error))
        return 1
    logging.getLogger().addHandler(_JsonHandler(logging.WARNING))
    uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
