"""The operator's command on cards: `cards audit`, whether their entries sum to what they say.

Reads only, as the owner. Must never put a card right: entries are never changed, and a person has to look.
"""

from typing import Any

import click

from control_plane.cli.answering import NOT_WELL, answer
from store.database import owner_connection
from store.environment import required
from store.queries import query

MOST_NAMED = 100

_GIFT_CARDS = query("audit_gift_cards")
_LOYALTY_CARDS = query("audit_loyalty_cards")


@click.group()
def cards() -> None:
    """Gift cards and loyalty cards."""


@cards.command("audit")
def audit_() -> None:
    """Whether every card's entries sum to its balance and its counter has counted them; 1 if one does not."""
    if not answer(audit_cards())["even"]:
        raise SystemExit(NOT_WELL)


async def audit_cards() -> dict[str, Any]:
    """The first cards of each kind whose entries, numbers and counters do not agree."""
    uneven: dict[str, list[dict[str, str]]] = {}
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        for kind, statement in (("gift_cards", _GIFT_CARDS), ("loyalty_cards", _LOYALTY_CARDS)):
            uneven[kind] = [dict(row) for row in await connection.fetch(statement, MOST_NAMED)]
    return {"even": not any(uneven.values()), **uneven}
