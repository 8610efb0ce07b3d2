"""`python -m engine`: one worker of the hot path."""

import sys

import uvloop

from . import log
from .server import serve
from .settings import Settings, SettingsError
from .worker import Worker


async def main(settings: Settings) -> None:
    """Start, serve, leave in good order."""
    await serve(await Worker.start(settings))


if __name__ == "__main__":
    try:
        chosen = Settings.from_environment()
    except SettingsError as error:
        log.error("cannot start", reason=str(error))
        sys.exit(2)
    uvloop.run(main(chosen))
