"""Cards and points as whoever has a transaction writes them: requests, and workers that have none.

Must never write a point itself: the functions of the ledger's cards do. After the transaction the card's newest
version is put in force; what could not be is the projector's.
"""

from collections.abc import Awaitable

import msgspec

from control_plane.clock import new_id
from control_plane.codes import insert_coded
from domain.definitions import points_family
from domain.loyalty import Landing
from domain.problems import Refused
from domain.rules import Limit
from store.database import Transaction
from store.definitions import stage_change
from store.queries import query

_ISSUE = query("control_issue_loyalty_card")
_OF_CUSTOMER = query("control_loyalty_card_of_customer")
_ADD = query("control_add_points")
_TAKE_BACK = query("control_take_back_points")


class Cause(msgspec.Struct, frozen=True):
    """Why a card's points change: what they were earned by ("order.paid:<order id>"), or a person's reason.
    `is_manual`: an adjustment, which no tier is judged by."""

    source: str | None = None
    reason: str | None = None
    actor: str | None = None
    is_manual: bool = False


class Added(msgspec.Struct, frozen=True):
    """Points on a card: its new version, those that paid what it owed, and what it still owes."""

    version: int
    paid: int
    owed: int


class Taken(msgspec.Struct, frozen=True):
    """Points off a card: how many, its new version, and what it owes."""

    taken: int
    version: int
    owed: int


async def ensure_card(
    tx: Transaction,
    shard: int,
    project_id: str,
    program_id: str,
    customer_id: str,
    code: str | None = None,
    metadata: str = "{}",
) -> tuple[str, bool]:
    """The id of the customer's card in the program, and whether it was made now; with this code, or one that is drawn.
    Refused where the code is taken."""
    card_id = new_id("lcd")
    ids: list[str] = []

    def insert(drawn: str) -> Awaitable[object]:
        return _insert(tx, (project_id, card_id, program_id, drawn, customer_id, metadata), ids)

    await insert_coded(code, insert)
    made = ids[0] == card_id
    if made:
        template = Limit(points_family(card_id), "points_family", None)
        await stage_change(tx, shard, project_id, "loyalty_card", card_id, 1, (template,))
    return ids[0], made


async def _insert(tx: Transaction, row: tuple[str, ...], ids: list[str]) -> object:
    project_id, _, program_id, _, customer_id, _ = row
    found = await tx.fetchval(_ISSUE, *row) or await tx.fetchval(_OF_CUSTOMER, project_id, program_id, customer_id)
    if found is not None:
        ids.append(found)
    return found


async def add_points(
    tx: Transaction,
    project_id: str,
    card_id: str,
    landing: Landing,
    points: int,
    cause: Cause,
) -> Added:
    """Put points on a card. The caller stages its new version."""
    kind = "adjust" if cause.is_manual else "earn"
    lot, said = (landing.expires_ms, landing.from_ms), (cause.source, cause.reason, cause.actor)
    row = await tx.fetchrow(_ADD, project_id, card_id, *lot, points, kind, *said)
    if row is None:
        raise Refused("loyalty_card_not_found")
    return Added(**row)


async def take_back_points(
    tx: Transaction,
    project_id: str,
    card_id: str,
    points: int,
    first_lot_ms: int | None,
    cause: Cause,
) -> Taken:
    """Take points off a card, first from the lot that they were earned in; what was spent already is owed. By hand no
    more is taken than could be spent now. The caller stages its new version."""
    kind, may_owe = ("adjust", False) if cause.is_manual else ("take_back", True)
    said = (cause.source, cause.reason, cause.actor)
    row = await tx.fetchrow(_TAKE_BACK, project_id, card_id, points, kind, first_lot_ms, may_owe, *said)
    if row is None:
        raise Refused("loyalty_card_not_found")
    return Taken(**row)


async def stage_card(tx: Transaction, shard: int, project_id: str, card_id: str, version: int) -> None:
    """Step (a) of a card's change, in the transaction that made it."""
    await stage_change(tx, shard, project_id, "loyalty_card", card_id, version, ())
