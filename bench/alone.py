"""One site for a measurement that needs no yardstick beside it: started, played on, stopped, whatever happens."""

from collections.abc import Callable
from pathlib import Path

from tools.dev.console import say
from tools.dev.signals import Signals

from .generators import Generator
from .machine import look
from .options import Options
from .report import Report, heading
from .site import Database, Site


def play_alone(
    play: Callable[[Site, Options], list[str]], options: Options, folder: Path, signals: Signals, generator: Generator
) -> int:
    """Play on a durable site; 1 where what was played complains of being no result."""
    say(heading(Report.begin(look(folder), generator)))
    database = Database(folder, signals)
    complaints: list[str] = []
    try:
        database.start()
        site = Site(database, folder / "always", signals, "always")
        try:
            complaints = play(site, options)
        finally:
            site.stop()
    finally:
        database.stop()
    for complaint in complaints:
        say(f"NO RESULT: {complaint}")
    return 1 if complaints else 0
