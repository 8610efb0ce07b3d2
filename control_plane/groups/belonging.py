"""Which groups a member is in by rule, as its row is written. Whoever writes one asks for the rules first: they are
held as they are until the transaction ends."""

import json
from typing import Any

from control_plane.groups.kinds import GroupKind
from domain.groups import Member, Rule
from store.database import Transaction


async def rules_in_force(tx: Transaction, kind: GroupKind, project_id: str) -> tuple[Rule, ...]:
    """The rules of the project's groups. To be asked for before any member's row is locked, as everywhere."""
    await tx.execute(kind.share_rules, project_id)
    return tuple((row["id"], row["rule"]) for row in await tx.fetch(kind.rules, project_id))


def member_of(row: Any, stated: tuple[str, ...]) -> Member:
    """A member's row as rules see it, with what the shop says of it now."""
    return Member(
        row["id"],
        stated,
        json.loads(row["metadata"]),
        tuple(row.get("categories", ())),
        row.get("price_minor"),
    )
