"""Spends and refunds of cards as a batch settles them: PostgreSQL has the last word, and entries sum to the balance."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.cards import gift_card_limits, loyalty_card_limits
from domain.events import Line, Redeemed, RolledBack
from store.cards import read_gift_cards, read_loyalty_cards
from store.database import Database
from store.definitions import project_change, stage_change
from store.queries import query
from tests.reconciler.lab import CODE, PROJECT, SHARD, Lab, redeemed, rolled_back, settled
from tests.servers.waiting import eventually
from tests.store.cards import ADD, FUND, ISSUE, TAKE_BACK, balance, lots, uneven

GIFT = "a:gft_1"
NEVER, SOON = "y:lcd_1:0", "y:lcd_1:32503680000000"
PROGRAM = """INSERT INTO campaigns (project_id, id, account_id, name, type, rules)
    VALUES ('prj_a', 'lty_1', 'acc_a', 'Points', 'LOYALTY', '{}')"""
CARD = "SELECT * FROM issue_loyalty_card('prj_a', 'lcd_1', 'lty_1', 'LOYAL', 'cust_1', '{}')"


def spent(redemption_id: str, amount: int, **changes: Any) -> Redeemed:
    """A redemption that a gift card pays for."""
    line = Line("gift_card", "gft_1", None, "GIFT", amount, ((GIFT, amount, ""),))
    fields: dict[str, Any] = {"committed": True, "discount_minor": amount, "lines": (line,), **changes}
    return redeemed(redemption_id, **fields)


def points_spent(redemption_id: str, *moves: tuple[str, int], with_code: bool = True) -> Redeemed:
    """A redemption that takes points of these lots, after a voucher or alone."""
    voucher = Line("voucher", "vch_1", "cmp_1", "SAVE20", 100, ((CODE, 1, ""),))
    taken = tuple((counter, amount, "y:lcd_1") for counter, amount in moves)
    points = sum(amount for _, amount in moves)
    line = Line("loyalty_card", "lcd_1", "lty_1", "LOYAL", 100, taken, points=points)
    return redeemed(redemption_id, committed=True, lines=(voucher, line) if with_code else (line,))


def returned(redemption_id: str, *moves: tuple[str, int], revision: int = 0, **changes: Any) -> RolledBack:
    """A rollback of a part."""
    names = {"id": f"rlb_{redemption_id}_{revision}", "revision": revision, "is_whole": False}
    return rolled_back(redemption_id, **{**names, "moves": moves, **changes})


class Cards:
    """A gift card of 50.00 and a loyalty card of 100 points, and the control plane's hands on them."""

    def __init__(self, lab: Lab, app: Database) -> None:
        self.lab, self.app = lab, app

    async def make(self) -> None:
        await self.lab.owner.execute(PROGRAM)
        async with self.app.tenant_tx(PROJECT) as tx:
            await tx.fetch(ISSUE, PROJECT, 5000, ["gft_1"], ["GIFT"])
            await tx.fetch(CARD)
            await self.stage(tx)
        await self.earn(0, 60)
        await self.earn(32503680000000, 40)

    @staticmethod
    async def stage(tx: Any) -> None:
        for gift in await read_gift_cards(tx, PROJECT, ["gft_1"]):
            await stage_change(tx, SHARD, PROJECT, "gift_card", gift.id, gift.version, gift_card_limits(gift))
        for card in await read_loyalty_cards(tx, PROJECT, ["lcd_1"]):
            await stage_change(tx, SHARD, PROJECT, "loyalty_card", card.id, card.version, loyalty_card_limits(card))

    async def earn(self, lot_ms: int, points: int) -> None:
        async with self.app.tenant_tx(PROJECT) as tx:
            await tx.fetch(ADD, PROJECT, "lcd_1", lot_ms, 0, points)
            await self.stage(tx)

    async def change(self, statement: str, amount: int) -> Any:
        async with self.app.tenant_tx(PROJECT) as tx:
            said = await tx.fetchrow(statement, PROJECT, "gft_1", amount)
            await self.stage(tx)
        return said

    async def project(self) -> None:
        """Steps (b) and (c)."""
        assert await project_change(
            lambda: self.app.tenant_tx(PROJECT), await self.lab.scripts(), PROJECT, "gift_card", "gft_1"
        )

    async def gift_entries(self) -> list[tuple[Any, ...]]:
        rows = await self.lab.owner.fetch(
            "SELECT type, amount_minor, balance_minor, redemption_id, line_no FROM gift_card_entries ORDER BY entry_no"
        )
        return [tuple(row) for row in rows]

    async def balances(self, redemption_id: str) -> Any:
        """As the engine reads them beside the redemption."""
        async with self.app.tenant_tx(PROJECT) as tx:
            row = await tx.fetchrow(query("redemptions_by_id"), PROJECT, [redemption_id])
        assert row is not None
        return row["balances"]


@pytest.fixture
async def cards(lab: Lab) -> AsyncIterator[Cards]:
    app = await Database.connect(lab.urls.app, application_name="test-app", max_size=4)
    made = Cards(lab, app)
    await made.make()
    await lab.open()
    yield made
    assert await uneven(lab.owner) == []
    await app.close()


async def test_g2_a_spend_is_posted_with_its_redemption_and_refunded_part_by_part(cards: Cards, lab: Lab) -> None:
    await lab.grant(spent("rdm_1", 1234), spent("rdm_2", 37))
    await lab.settle()
    await lab.grant(returned("rdm_1", (GIFT, 34)), returned("rdm_1", (GIFT, 200), revision=1))
    await lab.settle()
    await lab.grant(rolled_back("rdm_1", revision=2, id="rlb_9"))
    await lab.settle()
    assert await cards.gift_entries() == [
        ("issue", 5000, 5000, None, None),
        ("spend", 1234, 3766, "rdm_1", 1),
        ("spend", 37, 3729, "rdm_2", 1),
        ("refund", 34, 3763, "rdm_1", 1),
        ("refund", 200, 3963, "rdm_1", 1),
        ("refund", 1000, 4963, "rdm_1", 1),
    ]
    assert await balance(lab.owner) == (5000, 37, 4963)
    assert await lab.in_ledger(GIFT) == {"granted": 1271, "returned": 1234, "quarantined": 0}
    assert await lab.in_redis(GIFT) == {"granted": 1271, "returned": 1234, "confirmed": 1271}
    assert await cards.balances("rdm_2") == [[0, 3729]]


async def test_g1_a_spend_that_the_card_does_not_have_is_refused_by_name_and_comes_back(cards: Cards, lab: Lab) -> None:
    """Redis granted against 50.00; then 49.00 were taken back, and PostgreSQL knows it."""
    await lab.grant(*(spent(f"rdm_{at}", 37) for at in range(5)))
    taken = await cards.change(TAKE_BACK, 4900)
    assert taken["taken_minor"] == 4900
    summary = await lab.settle()
    assert summary.refused == tuple((f"rdm_{at}", "insufficient_balance") for at in (2, 3, 4))
    assert set(await lab.redemptions()) == {"rdm_0", "rdm_1"}
    assert await balance(lab.owner) == (100, 74, 26)
    assert await lab.in_ledger(GIFT) == {"granted": 74, "returned": 0, "quarantined": 0}
    assert await lab.in_redis(GIFT) == {"granted": 185, "returned": 111, "confirmed": 185}
    assert await lab.is_settled()
    await lab.grant(spent("rdm_3", 26))
    assert (await lab.settle()).refused == (), "the record is gone: the same key is judged anew"


async def test_g1_taking_back_and_settling_at_once_leave_no_cent_more_or_less(cards: Cards, lab: Lab) -> None:
    """Whichever locks the card first has its way; the other sees what it left."""
    refused = 0
    for at in range(8):
        await lab.grant(spent(f"rdm_{at}", 600))
        summary, taken = await asyncio.gather(lab.settle(), cards.change(TAKE_BACK, 300))
        refused += len(summary.refused)
        assert taken["balance_minor"] >= 0
        funded, used, left = await balance(lab.owner)
        assert left == funded - used >= 0
    assert refused == 8 - len(await lab.redemptions())
    assert refused > 0


async def test_g2_a_top_up_and_a_spend_at_once_lose_nothing(cards: Cards, lab: Lab) -> None:
    for at in range(6):
        await lab.grant(spent(f"rdm_{at}", 500))
        await asyncio.gather(lab.settle(), cards.change(FUND, 250))
        await cards.project()
    assert await balance(lab.owner) == (6500, 3000, 3500)
    ceiling = await lab.owner.fetchval("SELECT ceiling FROM counters WHERE id = $1", GIFT)
    assert ceiling == 6500


async def test_g3_a_crash_between_commit_and_confirm_posts_once(cards: Cards, lab: Lab) -> None:
    await lab.grant(spent("rdm_1", 1000), returned("rdm_1", (GIFT, 400)))
    await lab.settle(confirm=False)
    entries = await cards.gift_entries()
    assert len(entries) == 3
    await (await lab.settler()).catch_up()
    assert await cards.gift_entries() == entries
    assert await lab.in_redis(GIFT) == {"granted": 1000, "returned": 400, "confirmed": 1000}


async def test_g3_a_redemption_that_is_there_already_posts_nothing(cards: Cards, lab: Lab) -> None:
    await lab.grant(spent("rdm_1", 1000))
    await lab.settle()
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_1"))
    await lab.grant(spent("rdm_1", 1000))
    assert (await lab.settle()).collapsed == ("rdm_1",)
    assert await balance(lab.owner) == (5000, 1000, 4000)


@pytest.mark.parametrize(("action", "left"), [("apply", 0), ("void", 5001)])
async def test_g2_what_a_person_applies_is_posted_and_what_is_void_is_not(
    cards: Cards, lab: Lab, action: str, left: int
) -> None:
    """An event of a release that did not wait for the ledger: somebody was told, so it stands in quarantine."""
    await lab.grant(spent("rdm_1", 5001, committed=False))
    await lab.settle()
    assert await lab.quarantine() == [("rdm_1", "insufficient_balance", "open")]
    assert await balance(lab.owner) == (5000, 0, 5000)
    await cards.change(FUND, 1)
    entry = await lab.owner.fetchval("SELECT id FROM quarantine")
    await lab.grant(settled(entry, action))
    await lab.settle()
    assert (await balance(lab.owner))[2] == left
    assert await lab.alarms() == set()


async def test_g1_applying_what_the_card_still_does_not_have_leaves_the_entry_open(cards: Cards, lab: Lab) -> None:
    await lab.grant(spent("rdm_1", 5001, committed=False))
    await lab.settle()
    entry = await lab.owner.fetchval("SELECT id FROM quarantine")
    await lab.grant(settled(entry, "apply"))
    await lab.settle()
    assert await lab.quarantine() == [("rdm_1", "insufficient_balance", "open")]
    assert await balance(lab.owner) == (5000, 0, 5000)


async def test_g2_points_are_taken_of_their_lots_and_go_back_to_them(cards: Cards, lab: Lab) -> None:
    await lab.grant(points_spent("rdm_1", (SOON, 40), (NEVER, 10)), points_spent("rdm_2", (NEVER, 5)))
    await lab.settle()
    assert await cards.balances("rdm_1") == [[1, 50]]
    assert await cards.balances("rdm_2") == [[1, 45]]
    await lab.grant(returned("rdm_1", (SOON, 15), (NEVER, 10), (CODE, 1)))
    await lab.settle()
    assert {at: lot[2] for at, lot in (await lots(lab.owner)).items()} == {32503680000000: 25, 0: 5}
    await lab.grant(rolled_back("rdm_1", revision=1, id="rlb_2"))
    await lab.settle()
    assert {at: lot[2] for at, lot in (await lots(lab.owner)).items()} == {32503680000000: 0, 0: 5}
    rows = await lab.owner.fetch("SELECT type, points, available, line_no FROM loyalty_entries ORDER BY entry_no")
    assert [tuple(row) for row in rows] == [
        ("earn", 60, 60, None),
        ("earn", 40, 100, None),
        ("spend", -40, 60, 2),
        ("spend", -10, 50, 2),
        ("spend", -5, 45, 2),
        ("refund", 15, 60, 2),
        ("refund", 10, 70, 2),
        ("refund", 25, 95, 2),
    ]
    assert await lab.in_ledger(SOON) == {"granted": 40, "returned": 40, "quarantined": 0}


async def test_g1_points_that_the_lot_does_not_have_are_refused_by_name_with_the_whole_stack(
    cards: Cards, lab: Lab
) -> None:
    await lab.grant(points_spent("rdm_1", (SOON, 41)), points_spent("rdm_2", (SOON, 40)))
    assert (await lab.settle()).refused == (("rdm_1", "insufficient_points"),)
    assert await lab.in_ledger() == {"granted": 1, "returned": 0, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 2, "returned": 1, "confirmed": 2}


async def test_a_card_that_the_ledger_does_not_know_is_refused(cards: Cards, lab: Lab) -> None:
    unknown = Line("gift_card", "gft_404", None, "NONE", 5, (("a:gft_404", 5, ""),))
    await lab.grant(redeemed("rdm_1", committed=True, lines=(unknown,)), spent("rdm_2", 5))
    assert (await lab.settle()).refused == (("rdm_1", "integrity"),)
    assert set(await lab.redemptions()) == {"rdm_2"}


async def test_g1_the_whole_reconciler_beside_top_ups_and_taking_back(cards: Cards, lab: Lab) -> None:
    """No batch stops on a card that is locked, and no lock waits for another."""
    async with lab.running():

        async def change() -> None:
            for at in range(10):
                await cards.change(FUND if at % 2 else TAKE_BACK, 100)

        async def spend() -> None:
            for at in range(20):
                await lab.grant(spent(f"rdm_{at}", 11), points_spent(f"rdm_p{at}", (NEVER, 1), with_code=False))

        await asyncio.gather(change(), spend())
        await cards.project()
        await eventually(lab.is_settled, "all settled")
    assert await balance(lab.owner) == (5000, 220, 4780)
    assert (await lots(lab.owner))[0][2] == 20
