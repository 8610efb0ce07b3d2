"""Gift cards and loyalty cards as PostgreSQL has them, for definitions and for hydration.

Reads only: what changes a card are the functions of migration 0012. Must never say what is spent: counters do.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.cards import GiftCardRow, LoyaltyCardRow, gift_card_definition, loyalty_card_definition
from domain.definitions import Redeemable, balance_counter

from .database import Transaction
from .queries import query

_GIFT_CARDS = query("gift_card_rows")
_GIFT_CARDS_BY_CODE = query("gift_card_rows_by_code")
_LOYALTY_CARDS = query("loyalty_card_rows")
_LOYALTY_CARDS_BY_CODE = query("loyalty_card_rows_by_code")
_FUNDS = query("gift_card_funds")

_BALANCE = balance_counter("")


def gift_card_from(row: Any) -> GiftCardRow:
    """A gift card's row as the domain reads it."""
    return msgspec.convert(dict(row), GiftCardRow)


def loyalty_card_from(row: Any) -> LoyaltyCardRow:
    """A loyalty card's row as the domain reads it."""
    return msgspec.convert(dict(row), LoyaltyCardRow)


async def read_gift_cards(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[GiftCardRow]:
    """Those gift cards among `ids` that there are."""
    return [gift_card_from(row) for row in await tx.fetch(_GIFT_CARDS, project_id, ids)]


async def read_loyalty_cards(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[LoyaltyCardRow]:
    """Those loyalty cards among `ids` that there are."""
    return [loyalty_card_from(row) for row in await tx.fetch(_LOYALTY_CARDS, project_id, ids)]


async def read_cards_by_code(tx: Transaction, project_id: str, codes: Sequence[str]) -> list[Redeemable]:
    """Those cards that these codes lead to; a code leads to one thing."""
    found = [gift_card_definition(gift_card_from(r)) for r in await tx.fetch(_GIFT_CARDS_BY_CODE, project_id, codes)]
    if len(found) < len(codes):
        rows = await tx.fetch(_LOYALTY_CARDS_BY_CODE, project_id, codes)
        found += [loyalty_card_definition(loyalty_card_from(row)) for row in rows]
    return found


async def read_funds(tx: Transaction, project_id: str, counters: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Of each of these counters that is a gift card's: what was funded, and the version that says so. Redis has no
    other limit for it, so that of a card that is not there is 0."""
    names = [name for name in counters if name.startswith(_BALANCE)]
    funds = dict.fromkeys(names, (0, 0))
    if names:
        for row in await tx.fetch(_FUNDS, project_id, [name[len(_BALANCE) :] for name in names]):
            funds[balance_counter(row["id"])] = row["funded_minor"], row["version"]
    return funds
