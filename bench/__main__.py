"""`./dev bench`: measure, check, print. Exit code 1 where a run is no result or a ratio is below what was asked for."""

import sys
import tempfile
from pathlib import Path

import msgspec

from tools.dev.console import LauncherError, say, stop_with
from tools.dev.privileges import unprivileged
from tools.dev.signals import Signals, caught
from tools.dev.supervisor import StopRequested

from . import against, beside_import, many_codes, micro, qualifications, report, stacks, unmet
from .arithmetic import summarise
from .ledger import inspect
from .machine import look
from .options import Cell, Options, parse
from .rivals import play
from .rounds import NoResult, Player
from .shop import make_offers
from .site import Database, Site


def main(arguments: list[str]) -> int:
    """Do what was asked."""
    options = parse(arguments)
    if options.micro:
        return micro.run()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vauchflow-bench-", ignore_cleanup_errors=True) as folder,
            caught() as s,
        ):
            unprivileged().hand_over(Path(folder))
            if options.against is not None:
                return against.run(options, options.against, Path(folder), s)
            if options.stacks:
                return stacks.run(options, Path(folder), s)
            if options.qualifications:
                return qualifications.run(options, Path(folder), s)
            if options.beside_import:
                return beside_import.run(options, Path(folder), s)
            if options.many_codes:
                return many_codes.run(options, Path(folder), s)
            if options.unmet:
                return unmet.run(options, Path(folder), s)
            return _conclude(_run(options, Path(folder), s), options)
    except StopRequested:
        say("Stopped.")
        return 1
    except LauncherError as error:
        stop_with(str(error))


def _run(options: Options, folder: Path, signals: Signals) -> report.Report:
    found = report.Report.begin(look(folder), options.generator)
    say(report.heading(found))
    database = Database(folder, signals)
    try:
        database.start()
        for appendfsync, cells in options.by_appendfsync().items():
            _measure(Site(database, folder / appendfsync, signals, appendfsync), cells, options, found)
        for connections in options.connections if options.rivals else ():
            rival = play.play_sql_update(database, folder, signals, options.generator, connections, options.seconds)
            found.rivals.append(rival)
            found.complaints += rival.complaints
            say(f"\n{play.describe(rival)}")
    finally:
        database.stop()
    return found


def _measure(site: Site, cells: list[Cell], options: Options, found: report.Report) -> None:
    """Measure all cells that one site can serve."""
    try:
        account = site.start()
        wanted = {(cell.workload, cell.durability == "committed") for cell in cells}
        offers = make_offers(site, account, wanted | {(workload, False) for workload, _ in wanted}, options.codes)
        player = Player(site, account, options.generator, options.seconds)
        for cell in cells:
            offer = offers[cell.workload, cell.durability == "committed"]
            try:
                rounds = list(player.play(cell, offer, offers[cell.workload, False], options.rounds))
            except NoResult as error:
                found.complaints.append(str(error))
                say(f"\nNO RESULT: {error}")
                continue
            found.summaries.append(summarise(cell, rounds))
            say(f"\n{report.describe(found.summaries[-1])}")
        for campaign_id, acknowledged in player.acknowledged.items():
            settled = inspect(site.owner_url, site.redis_url, campaign_id, account.project_id, acknowledged)
            found.ledgers.append(settled)
            found.complaints += settled.complaints()
            say(report.describe_ledger(settled))
    finally:
        site.stop()


def _conclude(found: report.Report, options: Options) -> int:
    if found.summaries:
        say(f"\n{report.table(found.summaries)}")
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    below = [each for each in found.summaries if report.verdict(each).startswith("BELOW")]
    for complaint in found.complaints:
        say(f"NO RESULT: {complaint}")
    return 1 if found.complaints or below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
