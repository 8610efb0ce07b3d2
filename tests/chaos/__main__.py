"""`./dev chaos`: run seeds under faults and judge them. Exit code 1 where an invariant did not hold.

Prints each seed before it runs, and keeps the folder of a run that failed. Must never print a secret.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import mutations, report
from tests.chaos.checker import check
from tests.chaos.history import load
from tests.chaos.judging import Violation
from tests.chaos.run import Plan, Run
from tools.dev.console import say
from tools.dev.privileges import unprivileged

_MOST_SHOWN = 25


def main(arguments: list[str]) -> int:
    """Do what was asked."""
    options = _parser().parse_args(arguments)
    if options.check is not None:
        return _show(check(load(options.check / "history.jsonl")))
    if options.mutate is not None and options.mutate not in mutations.MUTATIONS:
        say(f"no mutation {options.mutate}; there are: {', '.join(mutations.MUTATIONS)}")
        return 2
    failed = [seed for seed in options.seeds or [options.seed] if not _one(seed, options)]
    if failed:
        say(f"violated: {', '.join(map(str, failed))}")
    return 1 if failed else 0


def _one(seed: int, options: argparse.Namespace) -> bool:
    """Whether every invariant held."""
    patches = mutations.MUTATIONS[options.mutate] if options.mutate else ()
    plan = Plan(seed, options.minutes, options.calm, options.mutate or "", tuple(patches))
    say(f"seed {seed}: {plan.minutes:g} min, {plan.world}{f', without {plan.mutation}' if plan.mutation else ''}")
    folder = Path(tempfile.mkdtemp(prefix=f"vauchflow-chaos-{seed}-", dir=options.folder))
    unprivileged().hand_over(folder)
    started, held = time.monotonic(), False
    try:
        result = asyncio.run(Run(plan, folder).carry_out())
        held = not result.violations and not result.oddities
        say(f"  {result.line()}  ({time.monotonic() - started:.0f} s)")
        if result.oddities:
            say(f"  answered 500: {result.oddities}")
        _show(result.violations)
        if options.record and not options.mutate:
            report.record(result)
    finally:
        if held and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"  kept: {folder}")
    return held


def _show(violations: list[Violation]) -> int:
    for found in violations[:_MOST_SHOWN]:
        say(f"  {found.invariant}: {found.text}")
    if len(violations) > _MOST_SHOWN:
        say(f"  and {len(violations) - _MOST_SHOWN} more")
    return 1 if violations else 0


def _seeds(text: str) -> list[int]:
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev chaos", description="Sell under faults, and judge what came of it.")
    parser.add_argument("--seed", type=int, default=1, help="which run (1)")
    parser.add_argument("--seeds", type=_seeds, help="several, one after the other: 1-40")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long faults last (1)")
    parser.add_argument("--mutate", help="take this guard out of a copy of the product; must end in a violation")
    parser.add_argument("--record", action="store_true", help="put the result into docs/operating/chaos.md")
    parser.add_argument("--calm", action="store_true", help="no faults: only the load")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a run that held, too")
    parser.add_argument("--folder", type=Path, help="where the runs' folders go (the system's place)")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="judge a kept run again")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
