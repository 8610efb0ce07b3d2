"""`./dev chaos`: run seeds under faults and judge them. Exit code 1 where an invariant did not hold; with --mutate,
where all of them held although a guard was missing.

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
from tools.dev.console import LauncherError, say
from tools.dev.privileges import unprivileged

_MOST_SHOWN = 25


def main(arguments: list[str]) -> int:
    """Do what was asked."""
    options = _parser().parse_args(arguments)
    if options.check is not None:
        return _show(check(load(options.check / "history.jsonl")))
    if options.mutate is not None:
        return _mutate(options)
    minutes = options.minutes or 1.0
    failed = []
    for seed in options.seeds or [options.seed or 1]:
        try:
            result = _one(Plan(seed, minutes, options.calm), options)
        except (TimeoutError, LauncherError) as error:
            say(f"  could not be carried out: {str(error).splitlines()[0]}")
            failed.append(seed)
            continue
        if result.violations or result.oddities:
            failed.append(seed)
        if options.record:
            report.record(result)
    if failed:
        say(f"not held: {', '.join(map(str, failed))}")
    return 1 if failed else 0


def _mutate(options: argparse.Namespace) -> int:
    """Take guards out, one at a time; 0 if every one was missed by some invariant."""
    known = mutations.MUTATIONS
    if options.mutate not in (*known, "all"):
        say(f"no mutation {options.mutate}; there are: all, {', '.join(known)}")
        return 2
    names = list(known) if options.mutate == "all" else [options.mutate]
    trials = [_try_mutation(name, known[name], options) for name in names]
    unseen = [trial.mutation for trial in trials if trial.caught is None]
    if unseen:
        say(f"nobody has missed: {', '.join(unseen)}")
    return 1 if unseen else 0


def _try_mutation(name: str, mutation: mutations.Mutation, options: argparse.Namespace) -> report.Trial:
    """Seed after seed, until one sees it."""
    seeds = options.seeds or ([options.seed] if options.seed is not None else mutation.seeds)
    results: list[report.Result] = []
    for seed in seeds:
        plan = Plan(seed, options.minutes or mutation.minutes, options.calm, name, mutation.patches)
        results.append(_one(plan, options))
        if results[-1].violations:
            break
    trial = report.Trial(name, mutation.takes_out, results)
    if trial.caught is not None:
        say(f"{name}: caught in seed {trial.caught.seed} by {trial.caught.verdict}")
    if options.record:
        report.record_trial(trial)
    return trial


def _one(plan: Plan, options: argparse.Namespace) -> report.Result:
    """One run. Its folder is kept where it has not come out as it should."""
    seed, expected = plan.seed, False
    say(f"seed {seed}: {plan.minutes:g} min, {plan.world}{f', without {plan.mutation}' if plan.mutation else ''}")
    folder = Path(tempfile.mkdtemp(prefix=f"vauchflow-chaos-{seed}-", dir=options.folder))
    unprivileged().hand_over(folder)
    started = time.monotonic()
    try:
        result = asyncio.run(Run(plan, folder).carry_out())
        expected = bool(plan.mutation) or (not result.violations and not result.oddities)
        say(f"  {result.line()}  ({time.monotonic() - started:.0f} s)")
        if result.oddities:
            say(f"  answered 500: {result.oddities}")
        _show(result.violations)
    finally:
        if expected and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            say(f"  kept: {folder}")
    return result


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
    parser.add_argument("--seed", type=int, help="which run (1)")
    parser.add_argument("--seeds", type=_seeds, help="several, one after the other: 1-40")
    parser.add_argument("--minutes", type=float, help="how long faults last (1)")
    parser.add_argument("--mutate", help="take this guard, or each (all), out of a copy; 0 if that is seen")
    parser.add_argument("--record", action="store_true", help="put the result into docs/operating/chaos.md")
    parser.add_argument("--calm", action="store_true", help="no faults: only the load")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a run that held, too")
    parser.add_argument("--folder", type=Path, help="where the runs' folders go (the system's place)")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="judge a kept run again")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
