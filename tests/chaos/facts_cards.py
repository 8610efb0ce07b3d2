"""Cards read from PostgreSQL, as facts.py reads all else: what they are in the end, and which look wrong at an instant.

Must never write, and never ask the product whether its books are right.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from tests.chaos.kept_cards import Entry, KeptCard

CARDS = """
SELECT project_id, id, 'gift_card' AS object, code, balance_minor AS balance, 0::bigint AS owed,
    jsonb_build_array(jsonb_build_array(0, funded_minor, spent_minor))::text AS lots
FROM gift_cards
UNION ALL
SELECT project_id, id, 'loyalty_card', code, points, owed, (
    SELECT COALESCE(jsonb_agg(jsonb_build_array(l.expires_ms, l.earned, l.spent)), '[]') FROM loyalty_lots l
    WHERE (l.project_id, l.card_id) = (c.project_id, c.id))::text
FROM loyalty_cards c
"""
ENTRIES = """
SELECT project_id, card_id, entry_no AS number, type,
    CASE to_account WHEN 'card' THEN amount_minor ELSE -amount_minor END AS amount, balance_minor AS balance,
    redemption_id, line_no, reason AS source, 0::bigint AS lot
FROM gift_card_entries
UNION ALL
SELECT project_id, card_id, entry_no, type, points, balance, redemption_id, line_no, source, expires_ms
FROM loyalty_entries
ORDER BY project_id, card_id, number
"""
UNEVEN = """
WITH entries AS (
    SELECT project_id, card_id, 0::bigint AS lot, type,
        CASE to_account WHEN 'card' THEN amount_minor ELSE -amount_minor END AS amount
    FROM gift_card_entries
    UNION ALL
    SELECT project_id, card_id, expires_ms, type, points FROM loyalty_entries
), sums AS (
    SELECT project_id, card_id, lot, sum(amount)::bigint AS balance,
        COALESCE(-sum(amount) FILTER (WHERE type IN ('spend', 'refund')), 0)::bigint AS spent
    FROM entries GROUP BY 1, 2, 3
), lots AS (
    SELECT project_id, id AS card_id, 0 AS lot, 'a:' || id AS counter, funded_minor AS earned, spent_minor AS spent
    FROM gift_cards
    UNION ALL
    SELECT project_id, card_id, expires_ms, 'y:' || card_id || ':' || expires_ms, earned, spent FROM loyalty_lots
)
SELECT l.counter FROM lots l LEFT JOIN sums s USING (project_id, card_id, lot)
    LEFT JOIN counters k ON (k.project_id, k.id) = (l.project_id, l.counter)
WHERE l.spent > l.earned OR (l.earned - l.spent, l.spent, l.spent) IS DISTINCT FROM
    (COALESCE(s.balance, 0), COALESCE(s.spent, 0), COALESCE(k.granted - k.returned, 0))
"""
"""Lots whose entries do not come to what they say, or whose counter has not counted what was spent of them."""

_lots = msgspec.json.Decoder(list[tuple[int, int, int]]).decode


def cards(rows: Iterable[Any], entries: Iterable[Any]) -> list[KeptCard]:
    """Each card with its entries in order."""
    by_card: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        by_card[entry["project_id"], entry["card_id"]].append(Entry(**{n: entry[n] for n in Entry.__struct_fields__}))
    return [
        KeptCard(row["project_id"], row["id"], row["object"], row["code"], row["balance"], row["owed"],
                 _lots(row["lots"]), by_card[row["project_id"], row["id"]])
        for row in rows
    ]  # fmt: skip
