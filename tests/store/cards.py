"""Hands on cards for tests: the functions of migration 0012 by their names, called as the roles that may."""

from collections.abc import Sequence
from typing import Any

ISSUE = (
    "SELECT * FROM issue_gift_cards($1, NULL, 'EUR', $2, $3, $4, NULL, 'active', NULL, NULL, NULL, '{}', NULL, 'me')"
)
FUND = "SELECT * FROM fund_gift_card($1, $2, $3, 'a gift', 'usr_boss')"
TAKE_BACK = "SELECT * FROM take_back_from_gift_card($1, $2, $3, 'a mistake', 'usr_boss')"
ADD = "SELECT * FROM add_points($1, $2, $3, $4, $5, 'earn', 'order.paid:1', NULL, NULL)"
TAKE_POINTS = "SELECT * FROM take_back_points($1, $2, $3, $4, $5, $6, 'order.refunded:1', NULL, NULL)"
SPEND = "SELECT post_gift_card_spends($1, $2, $3, $4, $5, $6)"
SPEND_POINTS = "SELECT post_loyalty_spends($1, $2, $3, $4, $5, $6, $7)"

UNEVEN_GIFT_CARDS = """
SELECT g.id FROM gift_cards g LEFT JOIN LATERAL (
    SELECT sum(CASE e.to_account WHEN 'card' THEN e.amount_minor ELSE -e.amount_minor END) AS balance,
        sum(e.amount_minor) FILTER (WHERE e.type = 'spend') AS spent,
        sum(e.amount_minor) FILTER (WHERE e.type = 'refund') AS refunded,
        count(*) AS entries, max(e.entry_no) AS last
    FROM gift_card_entries e WHERE e.project_id = g.project_id AND e.card_id = g.id) AS e ON true
WHERE (e.balance, COALESCE(e.spent, 0) - COALESCE(e.refunded, 0), e.entries, e.last)
    IS DISTINCT FROM (g.balance_minor::numeric, g.spent_minor::numeric, g.entry_count, g.entry_count)"""
UNEVEN_GIFT_CARD_ENTRIES = """
SELECT * FROM (SELECT card_id, entry_no, balance_minor, sum(CASE to_account WHEN 'card' THEN amount_minor
    ELSE -amount_minor END) OVER (PARTITION BY project_id, card_id ORDER BY entry_no) AS running
    FROM gift_card_entries) AS e WHERE running <> balance_minor"""
UNEVEN_LOYALTY_CARDS = """
SELECT c.id FROM loyalty_cards c
LEFT JOIN LATERAL (SELECT COALESCE(sum(e.points), 0) AS balance, count(*) AS entries FROM loyalty_entries e
    WHERE e.project_id = c.project_id AND e.card_id = c.id) AS e ON true
LEFT JOIN LATERAL (SELECT COALESCE(sum(l.earned - l.spent), 0) AS balance FROM loyalty_lots l
    WHERE l.project_id = c.project_id AND l.card_id = c.id) AS l ON true
WHERE (e.balance, l.balance, e.entries) IS DISTINCT FROM (c.points::numeric, c.points::numeric, c.entry_count)"""
UNEVEN_LOTS = """
SELECT l.card_id, l.expires_ms FROM loyalty_lots l
LEFT JOIN LATERAL (SELECT COALESCE(sum(e.points), 0) AS left_over,
        COALESCE(-sum(e.points) FILTER (WHERE e.type IN ('spend', 'refund')), 0) AS spent
    FROM loyalty_entries e
    WHERE e.project_id = l.project_id AND e.card_id = l.card_id AND e.expires_ms = l.expires_ms) AS e ON true
WHERE (e.left_over, e.spent) IS DISTINCT FROM ((l.earned - l.spent)::numeric, l.spent::numeric)
    OR l.earned <> (SELECT COALESCE(sum((s ->> 1)::bigint), 0) FROM jsonb_array_elements(l.steps) AS s)"""
UNEVEN_LOYALTY_ENTRIES = """
SELECT * FROM (SELECT card_id, entry_no, balance, sum(points) OVER (PARTITION BY project_id, card_id ORDER BY entry_no)
    AS running FROM loyalty_entries) AS e WHERE running <> balance"""


async def uneven(owner: Any) -> list[Any]:
    """Cards, lots and entries whose numbers are not the sum of their entries."""
    found: list[Any] = []
    for each in (
        UNEVEN_GIFT_CARDS,
        UNEVEN_GIFT_CARD_ENTRIES,
        UNEVEN_LOYALTY_CARDS,
        UNEVEN_LOTS,
        UNEVEN_LOYALTY_ENTRIES,
    ):
        found += await owner.fetch(each)
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
