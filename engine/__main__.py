"""`python -m engine`: one worker of the hot path."""

import sys

import uvloop

from store import log
from store.environment import SettingsError

from .server import serve
from .settings import Settings
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
