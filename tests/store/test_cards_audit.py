"""That a card is worth just what its entries say, after anything at random; and that tampering with it is found."""

import random
import time
from typing import Any

import asyncpg
import pytest

from store.database import Database
from tests.store.cards import (
    ADD,
    FUND,
    TAKE_BACK,
    TAKE_POINTS,
    balance,
    count,
    lots,
    spend,
    spend_points,
    uneven,
)

pytestmark = pytest.mark.usefixtures("tenants")

SOON_MS = int(time.time() * 1000) + 3_600_000
LATER_MS = SOON_MS + 3_600_000

HARM = [
    "UPDATE gift_cards SET funded_minor = funded_minor + 1 WHERE",
    "UPDATE gift_cards SET spent_minor = spent_minor + 1, funded_minor = funded_minor + 1 WHERE",
    "UPDATE counters SET granted = granted + 1 WHERE kind = 'balance' AND",
    "UPDATE loyalty_lots SET spent = spent + 1 WHERE",
    "UPDATE loyalty_lots SET steps = '[[0, 99]]' WHERE",
    "UPDATE loyalty_cards SET points = points - 1 WHERE",
    "DELETE FROM gift_card_entries WHERE type = 'spend' AND",
    "UPDATE loyalty_entries SET points = points + 1 WHERE",
    "UPDATE gift_card_entries SET balance_minor = balance_minor + 1 WHERE type = 'spend' AND",
]


async def test_g1_the_audit_finds_whatever_was_tampered_with(owner: Any, reconciler: Database) -> None:
    await spend(reconciler, 100)
    await spend_points(reconciler, (0, 5))
    await count(owner)
    for table in ("gift_card_entries", "loyalty_entries"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for statement in HARM:
        assert await uneven(owner) == []
        harm = owner.transaction()
        await harm.start()
        await owner.execute(f"{statement} project_id = 'prj_a'")
        assert [row["project_id"] for row in await uneven(owner)] == ["prj_a"], statement
        await harm.rollback()


@pytest.mark.parametrize("seed", range(3))
async def test_g1_at_random_not_a_cent_more_or_less(app: Database, owner: Any, reconciler: Database, seed: int) -> None:
    """Top-ups, spends, refunds and takings back against sums kept here."""
    dice = random.Random(seed)
    funded, spent, redemptions = 5000, 0, []
    for number in range(60):
        amount = dice.randrange(1, 1500)
        what = dice.choice(("fund", "take", "spend", "spend", "spend", "refund"))
        if what == "fund":
            async with app.tenant_tx("prj_a") as tx:
                await tx.fetch(FUND, "prj_a", "gft_1", amount)
            funded += amount
        elif what == "take":
            async with app.tenant_tx("prj_a") as tx:
                taken = (await tx.fetch(TAKE_BACK, "prj_a", "gft_1", amount))[0]["taken_minor"]
            assert taken == min(amount, funded - spent)
            funded -= taken
        elif what == "spend":
            fits = spent + amount <= funded
            try:
                await spend(reconciler, amount, first=number)
            except asyncpg.CheckViolationError:
                assert not fits
            else:
                assert fits
                spent += amount
                redemptions.append((number, amount))
        elif redemptions:
            number_then, amount_then = redemptions.pop()
            await spend(reconciler, -amount_then, first=number_then)
            spent -= amount_then
        assert await balance(owner) == (funded, spent, funded - spent)
    await count(owner)
    assert await uneven(owner) == []


def come(steps: list[list[int]], at_ms: int) -> int:
    """How many points of a lot have come at a time."""
    return sum(points for since_ms, points in steps if since_ms <= at_ms)


@pytest.mark.parametrize("seed", range(3))
async def test_g1_points_at_random_are_earned_spent_and_taken_back_whole(
    app: Database, owner: Any, reconciler: Database, seed: int
) -> None:
    """Lots that expired, that come later and that never end, against sums kept here."""
    dice = random.Random(seed)
    now_ms = SOON_MS - 3_600_000
    expiries = (0, 5_000, LATER_MS, LATER_MS + 1)
    earned, spent, taken_back, owed = 100, 0, 0, 0
    for number in range(50):
        before = await lots(owner)
        amount, lot = dice.randrange(1, 60), dice.choice(expiries)
        what = dice.choice(("add", "add", "spend", "spend", "refund", "take"))
        if what == "add":
            async with app.tenant_tx("prj_a") as tx:
                from_ms = dice.choice((0, 1_000, SOON_MS, SOON_MS + 1))
                row = await tx.fetchrow(ADD, "prj_a", "lcd_1", lot, from_ms, amount)
            assert row is not None
            assert (row["paid"], row["owed"]) == (min(owed, amount), max(0, owed - amount))
            earned, taken_back, owed = earned + amount, taken_back + row["paid"], row["owed"]
        elif what == "spend" and lot in before:
            steps, _, used = before[lot]
            amount = min(amount, come(steps, now_ms) - used)
            if amount > 0:
                await spend_points(reconciler, (lot, amount), redemption=f"rdm_{number}")
                spent += amount
        elif what == "refund" and lot in before and before[lot][2]:
            amount = min(amount, before[lot][2])
            await spend_points(reconciler, (lot, -amount), redemption=f"rdm_{number}")
            spent -= amount
        elif what == "take":
            may_owe = dice.random() < 0.5
            kind = "take_back" if may_owe else "adjust"
            async with app.tenant_tx("prj_a") as tx:
                row = await tx.fetchrow(TAKE_POINTS, "prj_a", "lcd_1", amount, kind, lot, may_owe)
            assert row is not None
            assert row["owed"] == owed + (amount - row["taken"] if may_owe else 0)
            taken_back, owed = taken_back + row["taken"], row["owed"]
        after = await lots(owner)
        for expires_ms, (steps, _, used) in before.items():
            for since_ms, _ in steps:
                left = come(after[expires_ms][0], since_ms)
                assert left >= min(come(steps, since_ms), used), "what was spent had come, and still has"
        assert sum(lot_earned - used for _, lot_earned, used in after.values()) == earned - spent - taken_back >= 0
    await count(owner)
    assert await uneven(owner) == []
