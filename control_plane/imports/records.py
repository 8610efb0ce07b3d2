"""Records taken in one by one, each on its own: what one is refused for is no matter of the next."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from control_plane.effects import Change
from control_plane.jobs.kinds import Failure, JobCall, Run, Step, reason_of, storable
from domain.problems import Refused
from store.database import Transaction

Take = Callable[[Transaction, JobCall, dict[str, Any], bool], Awaitable[Change | None]]
"""Takes in one record (or only looks whether it could, in a dry run); Refused before anything is written."""
MOST_NAME_CHARS = 128
BREATH = 20
"""So many records are read in one go; then requests of this process have their turn."""


class Record(msgspec.Struct):
    """A row and what it holds, or why it holds nothing."""

    row: int
    given: dict[str, Any]
    refused: Refused | None = None

    def name(self, key: str) -> str:
        """What the row is about, as the report names it."""
        return storable(str(self.given.get(key, ""))[:MOST_NAME_CHARS])


async def breathe(place: int) -> None:
    """Give way after some records."""
    if place % BREATH == BREATH - 1:
        await asyncio.sleep(0)


async def take_each(tx: Transaction, run: Run, records: list[Record], take: Take, key: str) -> Step:
    """Take in each record: those of one name in their order, and the names in the order in which whoever else locks
    many of them does. Their rows stay locked until the chunk is over."""
    is_dry, step, changes = bool(run.params.get("is_dry")), Step(failures=[]), []
    for place, record in enumerate(sorted(records, key=lambda record: record.name(key))):
        await breathe(place)
        try:
            if record.refused is not None:
                raise record.refused
            change = await take(tx, run.call(), record.given, is_dry)
        except Refused as refused:
            step.failures.append(Failure(record.row, record.name(key), reason_of(refused)))
            continue
        step.done += 1
        if change is not None:
            changes.append(change)
    step.failures.sort(key=lambda failure: failure.row)
    step.changes = tuple(dict.fromkeys(changes))
    return step


def one_at_a_time(take: Take, key: str) -> Callable[[Transaction, Run, list[Record]], Awaitable[Step]]:
    """How a file's rows are taken in where each is a statement of its own."""

    async def take_rows(tx: Transaction, run: Run, records: list[Record]) -> Step:
        return await take_each(tx, run, records, take, key)

    return take_rows
