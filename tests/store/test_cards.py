"""Cards in PostgreSQL: who may write them, what is refused, and that entries sum to what the card says."""

import time
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from store.cards import read_cards_by_code, read_funds, read_gift_cards, read_loyalty_cards
from store.database import Database
from store.erasing import erase_customer
from tests.store.cards import (
    ADD,
    FUND,
    ISSUE,
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

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOON_MS = int(time.time() * 1000) + 3_600_000
LATER_MS = SOON_MS + 3_600_000


async def test_g5_the_roles_that_serve_cannot_write_a_balance_or_an_entry(app: Database, reconciler: Database) -> None:
    forbidden = [
        "UPDATE gift_cards SET funded_minor = funded_minor + 1",
        "UPDATE gift_cards SET spent_minor = 0",
        "UPDATE loyalty_cards SET points = 1000000",
        "UPDATE loyalty_cards SET owed = 0",
        "UPDATE loyalty_lots SET spent = 0",
        "INSERT INTO gift_card_entries SELECT * FROM gift_card_entries",
        "INSERT INTO loyalty_entries SELECT * FROM loyalty_entries",
        "INSERT INTO gift_cards (project_id, id, code) VALUES ('prj_a', 'gft_9', 'NINE')",
        "INSERT INTO loyalty_cards SELECT * FROM loyalty_cards",
        "INSERT INTO loyalty_lots SELECT * FROM loyalty_lots",
        "DELETE FROM gift_cards",
        "DELETE FROM loyalty_entries",
        "TRUNCATE gift_card_entries",
        "SELECT post_points('prj_a', 'lcd_1', 0, 0, 'earn', 5, NULL, NULL, NULL)",
        "SELECT take_from_lot('prj_a', 'lcd_1', 0, 5, NULL)",
    ]
    for statement in forbidden:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with app.tenant_tx("prj_a") as tx:
                await tx.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with reconciler.shard_tx(1) as tx:
                await tx.execute(statement)


async def test_g5_a_temporary_table_of_a_caller_never_stands_before_the_real_one(app: Database) -> None:
    """Its triggers would run as whoever posts, and could write any balance."""
    async with app.tenant_tx("prj_a") as tx:
        await tx.execute(
            "CREATE TEMP TABLE codes (project_id text, code text, object text);"
            "CREATE FUNCTION pg_temp.enrich() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            "    UPDATE public.gift_cards SET funded_minor = 1000000000; RETURN NEW; END $$;"
            "CREATE TRIGGER enrich BEFORE INSERT ON codes FOR EACH ROW EXECUTE FUNCTION pg_temp.enrich();"
            "GRANT ALL ON codes TO vauchflow_cards"
        )
        before = await tx.fetchval("SELECT sum(funded_minor) FROM gift_cards")
        await tx.execute(ISSUE, "prj_a", 1, ["gft_9"], ["NINE"])
        assert await tx.fetchval("SELECT sum(funded_minor) FROM gift_cards") == before + 1
        assert await tx.fetchval("SELECT count(*) FROM public.codes WHERE code = 'NINE'") == 1


async def test_nobody_posts_spends_but_who_settles_and_nobody_funds_but_who_serves(
    app: Database, reconciler: Database
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await spend(app, 1)
    for statement in (FUND, TAKE_BACK):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with reconciler.shard_tx(1) as tx:
                await tx.fetch(statement, "prj_a", "gft_1", 1)


async def test_entries_are_never_changed_not_even_by_their_owner(owner: Any) -> None:
    for table in ("gift_card_entries", "loyalty_entries"):
        for statement in (f"UPDATE {table} SET reason = 'x'", f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="never changed"):
                await owner.execute(statement)


async def test_g5_a_card_of_another_tenant_is_not_there(app: Database, owner: Any) -> None:
    async with app.tenant_tx("prj_a") as tx:
        assert await tx.fetch(FUND, "prj_b", "gft_1", 100) == []
        assert await tx.fetch(TAKE_BACK, "prj_b", "gft_1", 100) == []
        assert await tx.fetch(ADD, "prj_b", "lcd_1", 0, 0, 5) == []
        assert await tx.fetch(TAKE_POINTS, "prj_b", "lcd_1", 5, "take_back", 0, True) == []
    for shard_too in (app.hydration_tx("prj_a", 1), app.shard_tx(1)):
        async with shard_too as tx:
            assert await tx.fetch(FUND, "prj_b", "gft_1", 100) == [], "not even by naming a shard"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with app.tenant_tx("prj_a") as tx:
            await tx.fetch(ISSUE, "prj_b", 100, ["gft_9"], ["NINE"])
    assert await balance(owner, project="prj_b") == (5000, 0, 5000)


async def test_new_cards_have_their_first_entry_and_a_code_that_is_taken_makes_none(app: Database, owner: Any) -> None:
    async with app.tenant_tx("prj_a") as tx:
        made = await tx.fetch(ISSUE, "prj_a", 1000, ["gft_2", "gft_3", "gft_4"], ["TWO", "SAVE20", "GIFT"])
        assert [row[0] for row in made] == ["gft_2"], "a voucher has SAVE20, a card has GIFT"
        assert await tx.fetch(ISSUE, "prj_a", 1000, ["gft_5"], ["TWO"]) == []
    with pytest.raises(asyncpg.UniqueViolationError, match="codes_pkey"):
        async with app.tenant_tx("prj_a") as tx:
            await tx.execute("INSERT INTO vouchers (project_id, id, code) VALUES ('prj_a', 'vch_2', 'TWO')")
    assert await balance(owner, "gft_2") == (1000, 0, 1000)
    await count(owner)
    assert await uneven(owner) == []


async def test_top_ups_and_taking_back_are_versions(app: Database, owner: Any, reconciler: Database) -> None:
    async with app.tenant_tx("prj_a") as tx:
        assert tuple((await tx.fetch(FUND, "prj_a", "gft_1", 1000))[0]) == (2, 6000, 6000)
    await spend(reconciler, 5500)
    async with app.tenant_tx("prj_a") as tx:
        assert tuple((await tx.fetch(TAKE_BACK, "prj_a", "gft_1", 800))[0]) == (500, 3, 5500, 0)
        assert tuple((await tx.fetch(TAKE_BACK, "prj_a", "gft_1", 800))[0]) == (0, 3, 5500, 0), "nothing is left"
        assert await tx.fetch(FUND, "prj_a", "gft_404", 5) == []
    for nothing in (0, -5):
        for statement in (FUND, TAKE_BACK):
            with pytest.raises(asyncpg.CheckViolationError):
                async with app.tenant_tx("prj_a") as tx:
                    await tx.fetch(statement, "prj_a", "gft_1", nothing)
    await count(owner)
    assert await uneven(owner) == []


async def test_g1_more_than_the_balance_is_refused_whoever_asks(owner: Any, reconciler: Database) -> None:
    await spend(reconciler, 2000, 2999)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await spend(reconciler, 1, 1, first=3)
    assert refused.value.constraint_name == "gift_cards_within_balance"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await spend(reconciler, 1, first=5, card="gft_404")
    with pytest.raises(asyncpg.UniqueViolationError):
        await spend(reconciler, 1, first=1)
    with pytest.raises(asyncpg.CheckViolationError):
        await spend(reconciler, -5000, first=1)
    assert await balance(owner) == (5000, 4999, 1)
    await count(owner)
    assert await uneven(owner) == []


async def test_entries_of_one_batch_follow_one_another(owner: Any, reconciler: Database) -> None:
    await spend(reconciler, 100, 250, 50)
    await spend(reconciler, -30, -20, first=2)
    rows = await owner.fetch(
        "SELECT entry_no, type, amount_minor, balance_minor, redemption_id FROM gift_card_entries"
        " WHERE project_id = 'prj_a' ORDER BY entry_no"
    )
    assert [tuple(row) for row in rows] == [
        (1, "issue", 5000, 5000, None),
        (2, "spend", 100, 4900, "rdm_1"),
        (3, "spend", 250, 4650, "rdm_2"),
        (4, "spend", 50, 4600, "rdm_3"),
        (5, "refund", 30, 4630, "rdm_2"),
        (6, "refund", 20, 4650, "rdm_3"),
    ]


async def test_points_of_one_lot_come_in_steps(app: Database, owner: Any) -> None:
    async with app.tenant_tx("prj_a") as tx:
        for from_ms, points in ((SOON_MS, 10), (500, 20), (SOON_MS, 5)):
            await tx.fetch(ADD, "prj_a", "lcd_1", LATER_MS, from_ms, points)
        card = (await read_loyalty_cards(tx, "prj_a", ["lcd_1"]))[0]
    assert (await lots(owner))[LATER_MS] == ([[0, 20], [SOON_MS, 15]], 35, 0), "what came long ago is one step"
    assert card.version == 4
    assert dict(card.lots) == {0: ((0, 100),), LATER_MS: ((0, 20), (SOON_MS, 15))}
    last = await owner.fetchrow("SELECT balance, available FROM loyalty_entries ORDER BY entry_no DESC LIMIT 1")
    assert tuple(last) == (135, 120), "what is pending cannot be spent yet"
    await count(owner)
    assert await uneven(owner) == []


async def test_lots_that_expired_are_no_part_of_the_definition(app: Database, owner: Any, reconciler: Database) -> None:
    long_ago_ms = SOON_MS - 3 * 86_400_000
    async with app.tenant_tx("prj_a") as tx:
        await tx.fetch(ADD, "prj_a", "lcd_1", long_ago_ms, 0, 40)
        card = (await read_loyalty_cards(tx, "prj_a", ["lcd_1"]))[0]
    assert [expires_ms for expires_ms, _ in card.lots] == [0]
    await spend_points(reconciler, (0, 30))
    last = await owner.fetchrow("SELECT balance, available FROM loyalty_entries ORDER BY entry_no DESC LIMIT 1")
    assert tuple(last) == (110, 70)


async def test_g1_points_that_are_not_there_are_refused(app: Database, owner: Any, reconciler: Database) -> None:
    async with app.tenant_tx("prj_a") as tx:
        await tx.fetch(ADD, "prj_a", "lcd_1", LATER_MS, 0, 50)
    await spend_points(reconciler, (LATER_MS, 50), (0, 20))
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await spend_points(reconciler, (LATER_MS, 1), redemption="rdm_2")
    assert refused.value.constraint_name == "loyalty_lots_within_earned"
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await spend_points(reconciler, (LATER_MS + 1, 1), redemption="rdm_3")
    await spend_points(reconciler, (LATER_MS, -10), (0, -20))
    assert {expires: lot[2] for expires, lot in (await lots(owner)).items()} == {LATER_MS: 40, 0: 0}
    await count(owner)
    assert await uneven(owner) == []


async def test_what_cannot_be_taken_back_is_owed_and_paid_first(
    app: Database, owner: Any, reconciler: Database
) -> None:
    async with app.tenant_tx("prj_a") as tx:
        await tx.fetch(ADD, "prj_a", "lcd_1", LATER_MS, 0, 50)
    await spend_points(reconciler, (LATER_MS, 50), (0, 80))
    async with app.tenant_tx("prj_a") as tx:
        taken = await tx.fetchrow(TAKE_POINTS, "prj_a", "lcd_1", 50, "take_back", LATER_MS, True)
        assert tuple(taken or ()) == (20, 3, 30), "20 of another lot, the rest is owed"
        assert tuple(await tx.fetchrow(ADD, "prj_a", "lcd_1", LATER_MS, 0, 12) or ()) == (4, 12, 18)
        assert tuple(await tx.fetchrow(ADD, "prj_a", "lcd_1", LATER_MS, 0, 40) or ()) == (5, 18, 0)
    row = await owner.fetchrow("SELECT points, owed, earned_total FROM loyalty_cards WHERE project_id = 'prj_a'")
    assert tuple(row) == (22, 0, 52)
    await count(owner)
    assert await uneven(owner) == []


async def test_points_are_taken_back_from_where_they_were_earned_even_if_they_expired(
    app: Database, owner: Any
) -> None:
    async with app.tenant_tx("prj_a") as tx:
        await tx.fetch(ADD, "prj_a", "lcd_1", 5_000, 0, 50)
        taken = await tx.fetchrow(TAKE_POINTS, "prj_a", "lcd_1", 30, "take_back", 5_000, True)
        assert tuple(taken or ()) == (30, 3, 0)
        taken = await tx.fetchrow(TAKE_POINTS, "prj_a", "lcd_1", 30, "take_back", None, True)
        assert tuple(taken or ()) == (30, 4, 0)
    assert {at: lot[1] for at, lot in (await lots(owner)).items()} == {5_000: 20, 0: 70}


async def test_an_adjustment_takes_no_more_than_could_be_spent_now(app: Database, owner: Any) -> None:
    async with app.tenant_tx("prj_a") as tx:
        await tx.fetch(ADD, "prj_a", "lcd_1", 0, SOON_MS, 60)
        taken = await tx.fetchrow(TAKE_POINTS, "prj_a", "lcd_1", 150, "adjust", None, False)
        assert tuple(taken or ()) == (100, 3, 0)
    row = await owner.fetchrow("SELECT points, owed, earned_total FROM loyalty_cards WHERE project_id = 'prj_a'")
    assert tuple(row) == (60, 0, 60), "an adjustment says nothing of what was earned"
    await count(owner)
    assert await uneven(owner) == []


async def test_an_adjustment_takes_what_could_be_spent_and_leaves_what_is_to_come(app: Database, owner: Any) -> None:
    async with app.tenant_tx("prj_a") as tx:
        await tx.execute(ADD, "prj_a", "lcd_1", LATER_MS, 0, 100)
        await tx.execute(ADD, "prj_a", "lcd_1", LATER_MS, SOON_MS, 50)
        await tx.execute(TAKE_POINTS, "prj_a", "lcd_1", 40, "adjust", LATER_MS, False)
    assert (await lots(owner))[LATER_MS] == ([[0, 60], [SOON_MS, 50]], 110, 0)


async def test_cards_are_found_by_their_codes_and_limits_by_their_counters(app: Database) -> None:
    async with app.hydration_tx("prj_a", 1) as tx:
        found = {card.code: card for card in await read_cards_by_code(tx, "prj_a", ["GIFT", "LOYAL", "SAVE20"])}
        assert {code: card.object for code, card in found.items()} == {"GIFT": "gift_card", "LOYAL": "loyalty_card"}
        assert all(card.committed for card in found.values())
        assert [row.id for row in await read_gift_cards(tx, "prj_a", ["gft_1", "gft_2"])] == ["gft_1"]
        funds = await read_funds(tx, "prj_a", ["a:gft_1", "a:gft_404", "r:vch_1", "y:lcd_1:0"])
    assert funds == {"a:gft_1": (5000, 1), "a:gft_404": (0, 0)}, "a card that is not there has no limit but 0"


async def test_cards_forget_who_was_erased_and_redis_is_to_be_told(app: Database, owner: Any) -> None:
    await owner.execute("UPDATE vouchers SET customer_id = 'cust_1' WHERE project_id = 'prj_a'")
    await owner.execute("UPDATE redemptions SET customer_id = NULL")  # whose events are none here
    await owner.execute('UPDATE loyalty_cards SET metadata = \'{"name": "Alice"}\'')
    await owner.execute("DELETE FROM outbox")
    async with owner.transaction():
        await erase_customer(owner, "prj_a", "cust_1")
    async with app.tenant_tx("prj_a") as tx:
        gift = (await read_gift_cards(tx, "prj_a", ["gft_1"]))[0]
        card = (await read_loyalty_cards(tx, "prj_a", ["lcd_1"]))[0]
    assert (gift.customer_id, gift.status, gift.version) == (None, "active", 2), "money is whoever's has the code"
    assert (card.customer_id, card.status, card.version) == ("erased:lcd_1", "blocked", 2)
    assert await owner.fetchval("SELECT metadata FROM loyalty_cards WHERE project_id = 'prj_a'") == {}
    untold = await owner.fetch("SELECT object, object_id, version, shard FROM outbox ORDER BY object")
    assert [tuple(row) for row in untold] == [
        ("gift_card", "gft_1", 2, 1),
        ("loyalty_card", "lcd_1", 2, 1),
        ("referral_code", "rfc_1", 2, 1),
        ("voucher", "vch_1", 2, 1),
    ]
    assert await owner.fetchval("SELECT count(*) FROM gift_cards WHERE customer_id = 'cust_1'") == 2, "other tenants'"
