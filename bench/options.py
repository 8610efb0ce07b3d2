"""What a person may choose on the command line of `./dev bench`."""

import argparse
from pathlib import Path
from typing import Literal, get_args

import msgspec

from tools.dev.valkey import AppendFsync

from .generators import Generator, find_generator

Durability = Literal["fast", "durable", "committed"]
Workload = Literal["campaign", "codes"]

APPENDFSYNC: dict[Durability, AppendFsync] = {"fast": "everysec", "durable": "always", "committed": "always"}


class Cell(msgspec.Struct, frozen=True):
    """One thing that is measured: a durability class, a workload, a number of connections."""

    durability: Durability
    workload: Workload
    connections: int


class Options(msgspec.Struct, frozen=True):
    """All of it."""

    classes: tuple[Durability, ...]
    connections: tuple[int, ...]
    seconds: float
    rounds: int
    codes: int
    generator: Generator
    rivals: bool
    micro: bool
    against: str | None
    unmet: int
    stacks: bool
    qualifications: bool
    beside_import: bool
    many_codes: int
    json: Path | None

    def cells(self, durability: Durability) -> list[Cell]:
        """What is measured on a class: one code at every number of connections, many codes at the first of them.

        `committed` waits for the ledger whichever code it is, so many codes would say nothing new of it.
        """
        found = [Cell(durability, "campaign", connections) for connections in self.connections]
        if durability != "committed":
            found.append(Cell(durability, "codes", self.connections[0]))
        return found

    def by_appendfsync(self) -> dict[AppendFsync, list[Cell]]:
        """All cells, by what their servers must be."""
        found: dict[AppendFsync, list[Cell]] = {}
        for each in self.classes:
            found.setdefault(APPENDFSYNC[each], []).extend(self.cells(each))
        return found


def parse(arguments: list[str]) -> Options:
    """Read the arguments; argparse ends the process on what does not hold."""
    told = _parser().parse_args(arguments)
    return Options(
        classes=tuple(told.classes),
        connections=tuple(told.connections),
        seconds=told.seconds,
        rounds=told.rounds,
        codes=told.codes,
        generator=find_generator(told.generator),
        rivals=told.rivals,
        micro=told.micro,
        against=told.against,
        unmet=told.unmet,
        stacks=told.stacks,
        qualifications=told.qualifications,
        beside_import=told.beside_import,
        many_codes=told.many_codes,
        json=told.json,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./dev bench",
        description="Measure redemptions on throw-away servers, beside the same engine without a committer.",
    )
    parser.add_argument(
        "--classes", type=_classes, default=get_args(Durability), help="of fast,durable,committed (all)"
    )
    parser.add_argument("--connections", type=_connections, default=(64,), help="e.g. 64,256 (64)")
    parser.add_argument("--seconds", type=_seconds, default=2.5, help="length of each load (2.5)")
    parser.add_argument("--rounds", type=_rounds, default=2, help="pairs of real and null loads (2)")
    parser.add_argument("--codes", type=_codes, default=10_000, help="distinct codes of the second workload (10000)")
    parser.add_argument("--generator", choices=("auto", "wrk", "python"), default="auto", help="what makes the load")
    parser.add_argument("--rivals", action="store_true", help="also measure one SQL UPDATE and INSERT a request")
    parser.add_argument("--micro", action="store_true", help="only the micro-benchmarks of the hot path's parts")
    parser.add_argument("--against", metavar="REV", help="beside the engine of this revision, not the null engine")
    parser.add_argument("--stacks", action="store_true", help="only what stacks cost, by redeemables and by items")
    parser.add_argument("--qualifications", action="store_true", help="only how qualifications and best stacks grow")
    parser.add_argument("--beside-import", action="store_true", help="only redemptions at 200/s beside an import")
    parser.add_argument("--many-codes", type=_many, default=0, help="only what so many codes of one campaign cost")
    parser.add_argument("--unmet", type=_unmet, default=0, help="only so many codes, once each, not in Redis before")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    return parser


def _classes(text: str) -> tuple[str, ...]:
    known = get_args(Durability)
    chosen = tuple(text.split(","))
    if not chosen or any(name not in known for name in chosen):
        raise argparse.ArgumentTypeError(f"some of {','.join(known)}")
    return chosen


def _connections(text: str) -> tuple[int, ...]:
    counts = tuple(_whole(part, 1, 1024) for part in text.split(","))
    if not counts:
        raise argparse.ArgumentTypeError("at least one number")
    return counts


def _rounds(text: str) -> int:
    return _whole(text, 1, 50)


def _codes(text: str) -> int:
    return _whole(text, 1, 50_000)


def _unmet(text: str) -> int:
    return _whole(text, 100, 400_000)


def _many(text: str) -> int:
    return _whole(text, 1_000, 1_000_000)


def _whole(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"a whole number from {least} to {most}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a number of seconds") from error
    if not 0.2 <= seconds <= 60:
        raise argparse.ArgumentTypeError("from 0.2 to 60 seconds")
    return seconds
