"""Receipts as the reconciler writes them: a link for every redemption and rollback that took effect, and no other."""

from typing import Any

import asyncpg
import msgspec
import pytest

from control_plane.receipts.reading import MOST_RECEIPTS, read_page
from domain.events import Line, OrderPart, Reserved, RolledBack, encode
from domain.orders import Item
from domain.proofs import Entry, Report, Statement, Walk
from domain.receipts import START
from store.erasing import erase_customer
from tests.reconciler.lab import ACCOUNT, CODE, FAMILY, PROJECT, SHARD, Lab, redeemed, rolled_back, settled

CHAIN = "cmp_1"


async def exported(lab: Lab, chain: str = CHAIN) -> list[Entry]:
    page = await read_page(lab.owner, PROJECT, chain, 0, MOST_RECEIPTS, True)
    assert page.next_cursor is None
    return page.data


async def verified(lab: Lab, chain: str = CHAIN) -> Report:
    """The chain against its own head."""
    row = await lab.owner.fetchrow("SELECT * FROM receipt_heads WHERE chain_id = $1", chain)
    links, count, returned = (row["links"], row["redeemed"], row["rolled_back"]) if row else (0, 0, 0)
    head = (row["head"] if row else START).hex()
    walk = Walk([Statement(PROJECT, "campaign", chain, links, count, returned, head, None, "now")])
    walk.take(await exported(lab, chain))
    return walk.end()


async def linked(lab: Lab, chain: str = CHAIN) -> list[tuple[str, str]]:
    """What a chain that holds tells of, in its order."""
    report = await verified(lab, chain)
    assert report.valid, report
    return [(entry.kind, entry.redemption_id) for entry in await exported(lab, chain)]


async def test_every_redemption_and_rollback_is_a_link(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", customer="bob", idempotency_key="k1"), redeemed("rdm_2"), rolled_back("rdm_1"))
    await lab.settle()
    await lab.grant(redeemed("rdm_3", committed=True), rolled_back("rdm_2"), rolled_back("rdm_2"))
    await lab.settle()
    assert await linked(lab) == [
        ("redeemed", "rdm_1"),
        ("redeemed", "rdm_2"),
        ("rolled_back", "rdm_1"),
        ("redeemed", "rdm_3"),
        ("rolled_back", "rdm_2"),
    ]
    report = await verified(lab)
    assert (report.count, report.rolled_back, report.net, report.unopened) == (3, 2, 1, 0)


async def test_g3_what_collapses_makes_no_link(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"))
    await lab.settle()
    link = lab.servers.link((await lab.state()).identity)
    await link.command("DEL", (await lab.scripts()).keyspace.record("rdm_1"))  # as if its 24 hours were over
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"), rolled_back("rdm_1"), rolled_back("rdm_1"))
    await lab.settle()
    assert await linked(lab) == [("redeemed", "rdm_1"), ("redeemed", "rdm_2"), ("rolled_back", "rdm_1")]


async def test_a_batch_that_is_halved_links_what_was_taken_in(lab: Lab) -> None:
    await lab.open()
    await lab.grant(*(redeemed(f"rdm_{n}") for n in range(8)))  # the limit is 5
    await lab.settle()
    assert len(await lab.redemptions()) == 5
    assert sorted(redemption_id for _, redemption_id in await linked(lab)) == sorted(await lab.redemptions())


async def test_what_a_person_applies_is_a_link_when_it_is_inserted(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", customer="bob"), redeemed("rdm_2", amount=9))
    await lab.settle()
    assert await linked(lab) == [("redeemed", "rdm_1")]
    await lab.owner.execute("UPDATE counters SET limit_value = 20, ceiling = 20 WHERE id = $1", CODE)
    entry = await lab.owner.fetchval("SELECT id FROM quarantine")
    await lab.grant(redeemed("rdm_3"), settled(entry, "apply"), rolled_back("rdm_2"))
    await lab.settle()
    assert await linked(lab) == [
        ("redeemed", "rdm_1"),
        ("redeemed", "rdm_3"),
        ("redeemed", "rdm_2"),
        ("rolled_back", "rdm_2"),
    ]


async def test_a_redemption_of_several_lines_is_one_link_in_each_of_its_chains(lab: Lab) -> None:
    await lab.open()
    lines = tuple(
        Line("voucher", voucher, campaign, code, 1, ((CODE, 1, ""),))
        for voucher, campaign, code in (("vch_1", CHAIN, "A"), ("vch_2", None, "B"), ("vch_3", CHAIN, "C"))
    )
    await lab.grant(redeemed("rdm_1", lines=lines), redeemed("rdm_2"))
    await lab.settle()
    await lab.grant(rolled_back("rdm_1"))
    await lab.settle()
    both = [("redeemed", "rdm_1"), ("rolled_back", "rdm_1")]
    assert await linked(lab, "vch_2") == both
    assert await linked(lab) == [both[0], ("redeemed", "rdm_2"), both[1]]
    assert await linked(lab, "vch_1") == []


async def test_a_rolled_back_transaction_leaves_no_link(lab: Lab) -> None:
    await lab.open()
    await lab.owner.execute("ALTER TABLE usage_daily ADD CONSTRAINT broken CHECK (redemptions <> 2)")
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"))
    await lab.settle()  # by halves: of the two, the second is put aside
    assert await linked(lab) == [("redeemed", "rdm_1")]


SET_BACK = """UPDATE redemptions SET status = 'redeemed', rolled_back_at = NULL, rollback_epoch = NULL,
    rollback_entry_ms = NULL, rollback_entry_seq = NULL, rollback_entry_index = NULL"""
SET_ROLLED_BACK = """UPDATE redemptions SET status = 'rolled_back', rolled_back_at = now(), rollback_epoch = 1,
    rollback_entry_ms = 1, rollback_entry_seq = 1, rollback_entry_index = 1 WHERE id = 'rdm_2'"""
PUT_IN = """INSERT INTO redemption_lines SELECT (jsonb_populate_record(l, '{"redemption_id": "rdm_fake"}')).*
    FROM redemption_lines l WHERE redemption_id = 'rdm_1'"""

TAMPERING = [
    ("UPDATE redemptions SET discount_minor = 1, total_minor = 8998 WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemptions SET customer_id = 'eve' WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemptions SET body = '' WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemptions SET created_at = 'infinity' WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemptions SET created_at = created_at + interval '1 us' WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemptions SET entry_index = 77 WHERE id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemption_lines SET code = 'X' WHERE redemption_id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemption_lines SET created_at = 'infinity' WHERE redemption_id = 'rdm_2'", "altered", "rdm_2"),
    ("UPDATE redemption_lines SET moves = '[]' WHERE redemption_id = 'rdm_2'", "altered", "rdm_2"),
    ("""UPDATE redemption_lines SET moves = '["x"]' WHERE redemption_id = 'rdm_2'""", "altered", "rdm_2"),
    ("UPDATE redemption_lines SET campaign_id = 'cmp_2' WHERE redemption_id = 'rdm_2'", "altered", "rdm_2"),
    ("DELETE FROM redemption_lines WHERE redemption_id = 'rdm_2'", "altered", "rdm_2"),
    ("DELETE FROM redemptions WHERE id = 'rdm_2'", "missing", "rdm_2"),
    ("DELETE FROM receipts WHERE seq = 2", "missing", "rdm_2"),
    ("DELETE FROM receipts WHERE seq = 4", "missing", None),
    ("UPDATE receipts SET link = sha256('x') WHERE seq = 2", "altered", "rdm_2"),
    ("UPDATE receipts SET redemption_id = 'rdm_1' WHERE seq = 2", "altered", "rdm_1"),
    ("UPDATE receipts SET salt = NULL WHERE seq = 2", "altered", "rdm_2"),
    ("UPDATE receipts SET salt = NULL, commitment = sha256('x') WHERE seq = 2", "altered", "rdm_2"),
    (SET_BACK, "missing", "rdm_1"),
    (SET_ROLLED_BACK, "altered", "rdm_2"),
    (PUT_IN, "unlinked", "rdm_fake"),
]


@pytest.mark.parametrize(("sql", "what", "redemption_id"), TAMPERING)
async def test_a_row_that_was_tampered_with_is_named(lab: Lab, sql: str, what: str, redemption_id: str | None) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2", customer="bob"), redeemed("rdm_3"), rolled_back("rdm_1"))
    await lab.settle()
    before = await verified(lab)
    assert before.valid
    await lab.owner.execute(sql)
    report = await verified(lab)
    assert report.first_bad is not None
    assert (report.first_bad.what, report.first_bad.redemption_id) == (what, redemption_id)


@pytest.mark.parametrize(
    ("sql", "places", "named"),
    [
        ("UPDATE redemptions SET id = $2 WHERE id = $1", ("rdm_2", "rdm_3", "x"), "rdm_2"),
        ("UPDATE receipts SET seq = $2 WHERE seq = $1", (2, 3, 99), "rdm_3"),
    ],
)
async def test_what_was_swapped_is_named(lab: Lab, sql: str, places: tuple[Any, Any, Any], named: str) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1"), redeemed("rdm_2"), redeemed("rdm_3"))
    await lab.settle()
    one, other, aside = places
    for old, new in ((one, aside), (other, one), (aside, other)):
        await lab.owner.execute(sql, old, new)
    report = await verified(lab)
    assert report.first_bad is not None
    assert (report.first_bad.what, report.first_bad.redemption_id) == ("altered", named)


async def test_an_erased_customer_leaves_chain_and_rollback_whole(lab: Lab) -> None:
    await lab.open()
    families = (FAMILY, f"o:{PROJECT}", "t:rul_1:customer.day")
    for family in families[1:]:
        await lab.owner.execute(
            "INSERT INTO counters (project_id, id, kind) VALUES ($1, $2, 'customer_family')", PROJECT, family
        )
    own = tuple((f"{family}:bob", 1, family) for family in families)
    lines = (Line("voucher", "vch_1", "cmp_1", "SAVE20", 1800, ((CODE, 1, ""), *own)),)
    order = OrderPart("bobs-order", b"bob's key", (Item(2, 4500),))
    event = redeemed("rdm_1", customer="bob", idempotency_key="order-of-bob", lines=lines, order=order)
    returned = RolledBack(
        *("rdm_1", ACCOUNT, PROJECT, 0, "rbk_1", "return-of-bob", b"f" * 16),
        is_whole=False,
        moves=((f"o:{PROJECT}:bob", 1),),
    )
    await lab.grant(event, redeemed("rdm_2", customer="ann"), returned)
    await lab.settle()
    for number, request in enumerate(('{"customer": {"id": "bob"}}', '{"customer_id": "bob"}', '{"session": "bob"}')):
        await reserve(lab, f"rsv_{number}", request)
    async with lab.owner.transaction():
        assert await erase_customer(lab.owner, PROJECT, "bob") == 1
    left: dict[str, Any] = {}
    tables = ("redemptions", "redemption_lines", "redemption_rollbacks", "receipts", "customers", "counters")
    for table in tables:
        rows = await lab.owner.fetch(f"SELECT to_jsonb(t)::text AS text FROM {table} t")  # noqa: S608
        left[table] = [row["text"] for row in rows if "bob" in row["text"] or b"bob".hex() in row["text"]]
    assert not any(left.values()), left
    assert [row["id"] for row in await lab.owner.fetch("SELECT id FROM reservations")] == ["rsv_2"]
    await lab.grant(msgspec.structs.replace(rolled_back("rdm_1"), revision=1))
    await lab.settle()
    report = await verified(lab)
    assert (report.valid, report.count, report.rolled_back, report.unopened) == (True, 2, 1, 1)
    assert await lab.in_ledger(CODE) == {"granted": 2, "returned": 1, "quarantined": 0}
    assert await lab.in_ledger(f"{FAMILY}:bob") == {}


async def reserve(lab: Lab, reservation_id: str, request: str) -> None:
    """A reservation that was released, as the ledger keeps it."""
    event = Reserved(
        *(reservation_id, ACCOUNT, PROJECT, b"", None, "cart", "tag", 1, "EUR", 2, 0, 0, False),
        request.encode(),
        (),
    )
    await lab.owner.execute(
        "INSERT INTO reservations (project_id, id, session, tag, status, expires_at, revision, body, created_at, "
        "shard, epoch, entry_ms, entry_seq, entry_index) "
        "VALUES ($1, $2, 'cart', 'tag', 'released', now(), 0, $3, now(), 3, 1, 1, 0, 0)",
        PROJECT,
        reservation_id,
        encode(event),
    )


async def test_a_role_of_a_server_cannot_write_a_link_anew(lab: Lab) -> None:
    for sql in ("UPDATE receipts SET seq = 1", "DELETE FROM receipts", "DELETE FROM receipt_heads"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with lab.database.shard_tx(SHARD) as tx:
                await tx.execute(sql)


async def test_of_rollbacks_only_the_one_that_leaves_nothing_is_a_link(lab: Lab) -> None:
    await lab.open()
    part = {"is_whole": False, "moves": ((CODE, 1),), "refund_minor": 10}
    await lab.grant(redeemed("rdm_1", amount=3), rolled_back("rdm_1", id="rlb_1", **part))
    await lab.settle()
    assert await linked(lab) == [("redeemed", "rdm_1")]
    await lab.grant(
        rolled_back("rdm_1", id="rlb_2", revision=1, **part),
        rolled_back("rdm_1", id="rlb_3", revision=2, moves=((CODE, 1),)),
    )
    await lab.settle()
    assert await linked(lab) == [("redeemed", "rdm_1"), ("rolled_back", "rdm_1")]
