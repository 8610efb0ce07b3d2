"""Who was referred by whom, as the ledger takes it in: with the redemption that did it, and back with its rollback.

Everything happens in the caller's transaction. Writes causes only: what is given for a referral, and what becomes of
it, is the control plane's. Must never decide whether one may refer another: constraints do.
"""

from collections.abc import Sequence
from typing import Any

from domain.events import Redeemed, RolledBack
from store.database import Transaction
from store.ledger_rows import Slot, columns
from store.queries import query

_INSERT_IDENTITIES = query("insert_referee_identities")
_INSERT = query("insert_referrals")
_INSERT_REWARDS = query("insert_referral_rewards")
_ROLL_BACK = query("roll_back_referrals")

_WHOLE = 0
"""In a line's place: the redemption as a whole."""


async def attribute(tx: Transaction, slots: Sequence[Slot]) -> None:
    """What these redemptions, which are new in the ledger, say of who referred whom; and what is due for it."""
    identities: list[tuple[Any, ...]] = []
    rows: list[tuple[Any, ...]] = []
    for slot in slots:
        event = slot.event
        assert isinstance(event, Redeemed)
        made = event.referral
        if made is None:
            continue
        key = event.project_id, event.id
        identities += [(*key, made.program_id, *identity) for identity in made.identities]
        rows.append((*key, made.line + 1, made.program_id, made.code_id, made.customer_id, slot.time_ms))
    if not rows:
        return
    if identities:
        await tx.execute(_INSERT_IDENTITIES, *columns(identities, 5))
    await tx.execute(_INSERT, *columns(rows, 7))
    await tx.execute(_INSERT_REWARDS, *columns([row[:2] for row in rows], 2))


async def roll_back_referrals(tx: Transaction, slots: Sequence[Slot]) -> None:
    """What these rollbacks, which have taken effect, undo: whole ones, and those of the line that a referral is."""
    rows: list[tuple[str, str, int, int]] = []
    for slot in slots:
        event = slot.event
        assert isinstance(event, RolledBack)
        lines = (_WHOLE,) if event.is_whole else tuple(line + 1 for line in event.lines)
        rows += [(event.project_id, event.redemption_id, line, slot.time_ms) for line in lines]
    if rows:
        await tx.execute(_ROLL_BACK, *columns(sorted(rows), 4))
