"""Hands on cards for tests: the functions of migration 0012 by their names, called as the roles that may."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from store.database import Database
from store.queries import query

ISSUE = (
    "SELECT * FROM issue_gift_cards($1, NULL, 'EUR', $2, $3, $4, NULL, 'active', NULL, NULL, NULL, '{}', NULL, 'me')"
)
FUND = "SELECT * FROM fund_gift_card($1, $2, $3, 'a gift', 'usr_boss')"
TAKE_BACK = "SELECT * FROM take_back_from_gift_card($1, $2, $3, 'a mistake', 'usr_boss')"
ADD = "SELECT * FROM add_points($1, $2, $3, $4, $5, 'earn', 'order.paid:1', NULL, NULL)"
TAKE_POINTS = "SELECT * FROM take_back_points($1, $2, $3, $4, $5, $6, 'order.refunded:1', NULL, NULL)"
SPEND = "SELECT post_gift_card_spends($1, $2, $3, $4, $5, $6)"
SPEND_POINTS = "SELECT post_loyalty_spends($1, $2, $3, $4, $5, $6, $7)"


NOW = datetime(2026, 11, 22, tzinfo=UTC)

COUNT = """
INSERT INTO counters (project_id, id, kind, granted)
SELECT project_id, 'a:' || id, 'balance', spent_minor FROM gift_cards
UNION ALL SELECT project_id, 'y:' || card_id || ':' || expires_ms, 'points', spent FROM loyalty_lots
ON CONFLICT (project_id, id) DO UPDATE SET granted = excluded.granted"""


async def spend(
    reconciler: Database, *amounts: int, first: int = 1, card: str = "gft_1", project: str = "prj_a"
) -> None:
    """One redemption each, or with an amount below 0 the refund of one."""
    count = len(amounts)
    ids = [f"rdm_{first + at}" for at in range(count)]
    async with reconciler.shard_tx(1) as tx:
        await tx.execute(SPEND, [project] * count, [card] * count, amounts, ids, [1] * count, [NOW] * count)


async def spend_points(reconciler: Database, *parts: tuple[int, int], redemption: str = "rdm_1") -> None:
    """Points of lots, all by one line."""
    count = len(parts)
    fixed = [redemption] * count, [1] * count, [datetime.now(UTC)] * count
    async with reconciler.shard_tx(1) as tx:
        await tx.execute(
            SPEND_POINTS,
            ["prj_a"] * count,
            ["lcd_1"] * count,
            [lot for lot, _ in parts],
            [amount for _, amount in parts],
            *fixed,
        )


async def count(owner: Any) -> None:
    """What was posted by hand, counted as settling would have counted it."""
    await owner.execute(COUNT)


async def uneven(owner: Any) -> list[Any]:
    """Cards whose entries, numbers and counters do not agree."""
    found: list[Any] = []
    for name in ("audit_gift_cards", "audit_loyalty_cards"):
        found += await owner.fetch(query(name), 100)
    return found


async def balance(owner: Any, card: str = "gft_1", project: str = "prj_a") -> tuple[int, int, int]:
    """Funded, spent and balance of a gift card."""
    row = await owner.fetchrow(
        "SELECT funded_minor, spent_minor, balance_minor FROM gift_cards WHERE project_id = $1 AND id = $2",
        project,
        card,
    )
    return tuple(row)


async def lots(owner: Any, card: str = "lcd_1", project: str = "prj_a") -> dict[int, tuple[Any, int, int]]:
    """Steps, earned and spent of each lot of a loyalty card."""
    rows: Sequence[Any] = await owner.fetch(
        "SELECT expires_ms, steps, earned, spent FROM loyalty_lots WHERE project_id = $1 AND card_id = $2",
        project,
        card,
    )
    return {row["expires_ms"]: (row["steps"], row["earned"], row["spent"]) for row in rows}
