"""Stacks, returns, reservations and holds, read from PostgreSQL and from Redis as facts.py reads all else.

Must never write.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from domain.events import Redeemed, RolledBack, decode
from tests.chaos.kept import Kept, KeptHold, KeptLine, KeptReservation, KeptReturn

ROWS = """
SELECT r.project_id, r.id, r.status, r.revision, r.refunded_minor, r.idempotency_key AS key, r.order_id, r.customer_id,
    r.order_value_minor, r.discount_minor, r.body,
    ARRAY(SELECT b.body FROM redemption_rollbacks b
        WHERE (b.project_id, b.redemption_id) = (r.project_id, r.id) ORDER BY b.revision) AS back,
    ARRAY(SELECT b.moves::text FROM redemption_rollbacks b
        WHERE (b.project_id, b.redemption_id) = (r.project_id, r.id) ORDER BY b.revision) AS back_moves,
    ARRAY(SELECT b.revision FROM redemption_rollbacks b
        WHERE (b.project_id, b.redemption_id) = (r.project_id, r.id) ORDER BY b.revision) AS back_revisions
FROM redemptions r
"""
LINES = """
SELECT project_id, redemption_id, code, campaign_id, discount_minor, moves::text AS moves, object FROM redemption_lines
ORDER BY project_id, redemption_id, line_no
"""
RESERVATIONS = "SELECT project_id, id, status, redemption_id FROM reservations"
HOLDS = """
SELECT shard, counter_id AS counter, tag, reservation_id AS owner, amount,
    (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms
FROM reservation_holds
"""

_moves = msgspec.json.Decoder(list[tuple[str, int]]).decode


def is_stack(row: Any) -> bool:
    """Whether a redemption's row is of a stack, or of a reservation."""
    event = decode(row["body"])
    return isinstance(event, Redeemed) and event.is_stack


def stacks(rows: Iterable[Any], lines: Iterable[Any]) -> list[Kept]:
    """Those of these rows that are stacks."""
    by_id: dict[tuple[str, str], list[KeptLine]] = {}
    for line in lines:
        # A line's moves stand there as [counter, amount] or with the family behind.
        moves = [(move[0], move[1]) for move in msgspec.json.decode(line["moves"])]
        kept = KeptLine(line["code"], line["campaign_id"], line["discount_minor"], moves, line["object"])
        by_id.setdefault((line["project_id"], line["redemption_id"]), []).append(kept)
    return [_stack(row, by_id[row["project_id"], row["id"]]) for row in rows if is_stack(row)]


def _stack(row: Any, lines: list[KeptLine]) -> Kept:
    event = decode(row["body"])
    assert isinstance(event, Redeemed)
    order = event.order
    returns = []
    for revision, body, moves in zip(row["back_revisions"], row["back"], row["back_moves"], strict=True):
        back = decode(body)
        assert isinstance(back, RolledBack)
        returns.append(
            KeptReturn(revision, back.idempotency_key, back.is_whole, back.refund_minor, _moves(moves),
                       list(back.lines), list(back.items), list(back.discounts))
        )  # fmt: skip
    return Kept(
        row["project_id"],
        row["id"],
        row["status"],
        row["revision"],
        row["refunded_minor"],
        row["key"],
        row["order_id"],
        row["customer_id"],
        row["order_value_minor"],
        row["discount_minor"],
        event.hold.reservation_id if event.hold is not None else "",
        [(item.quantity, item.price_minor) for item in order.items] if order is not None else [],
        lines,
        returns,
    )


def reservations(rows: Iterable[Any]) -> list[KeptReservation]:
    """As PostgreSQL has them."""
    return [KeptReservation(**dict(row)) for row in rows]


def holds(rows: Iterable[Any]) -> list[KeptHold]:
    """As PostgreSQL has them."""
    return [KeptHold(**dict(row)) for row in rows]


def holds_in_redis(shard: int, counter: str, fields: Sequence[tuple[str, str]]) -> list[KeptHold]:
    """Those in the fields of one counter."""
    found = []
    for name, value in fields:
        if name.startswith("h:"):
            amount, expires_ms, owner = value.split(" ", 2)
            found.append(KeptHold(shard, counter, name[2:], owner, int(amount), int(expires_ms)))
    return found
