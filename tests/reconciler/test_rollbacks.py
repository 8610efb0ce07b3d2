"""Rollbacks of a redemption and of parts of it: by revision, never more than was taken, and an order is free again."""

from typing import Any

import pytest

from domain.events import OrderPart, RolledBack, decode, encode
from store.ledger_rows import Kind
from store.queries import query
from tests.reconciler.lab import CODE, PROJECT, Lab, redeemed, rolled_back

ORDER = OrderPart("ord_1", b"\x01\x02")
ALIAS = "o:0102"


def part(revision: int = 0, amount: int = 1, refund: int = 100, **changes: Any) -> RolledBack:
    """A rollback of a part: some of the units, and some of the money."""
    names = {"id": f"rlb_{revision}", "revision": revision, "is_whole": False, "refund_minor": refund}
    return rolled_back("rdm_1", **{**names, "moves": ((CODE, amount),), **changes})


async def test_g3_of_two_rollbacks_of_one_revision_one_has_an_effect(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=3))
    await lab.settle()
    await lab.grant(part(id="rlb_a"), part(id="rlb_b"))
    summary = await lab.settle()
    assert summary.collapsed == ("rlb_b",)
    assert await lab.redemptions() == {"rdm_1": "partially_rolled_back"}
    assert await lab.in_ledger() == {"granted": 3, "returned": 1, "quarantined": 0}
    assert await lab.in_redis() == {"granted": 3, "returned": 1, "confirmed": 3}
    await lab.grant(part(id="rlb_c"))
    assert (await lab.settle()).collapsed == ("rlb_c",)
    assert await lab.in_redis() == {"granted": 3, "returned": 1, "confirmed": 3}


async def test_g3_rollbacks_follow_one_another_in_one_batch_until_nothing_is_left(lab: Lab) -> None:
    await lab.open()
    await lab.grant(
        redeemed("rdm_1", amount=3),
        part(),
        part(revision=1, refund=50),
        part(revision=2, refund=7049, is_whole=True),
        part(revision=3),
    )
    await lab.settle()
    row = await lab.owner.fetchrow("SELECT * FROM redemptions")
    assert (row["status"], row["revision"], row["refunded_minor"]) == ("rolled_back", 3, 7199)
    assert row["rollback_entry_index"] == 3
    assert await lab.in_ledger() == {"granted": 3, "returned": 3, "quarantined": 0}
    found = await lab.owner.fetchrow(query("redemptions_by_id"), PROJECT, ["rdm_1"])
    assert [decode(body).id for body in found["rollbacks"]] == ["rlb_0", "rlb_1", "rlb_2"]  # type: ignore[union-attr]
    assert len(found["rollback_times_ms"]) == 3
    assert (await lab.owner.fetchrow("SELECT rollbacks FROM usage_daily"))["rollbacks"] == 1, "a whole one is billed"


async def test_a_rollback_of_schema_1_gives_back_what_is_left(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=3), redeemed("rdm_2"))
    await lab.settle()
    await lab.grant(part(), rolled_back("rdm_1"), rolled_back("rdm_2"))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_1": "partially_rolled_back", "rdm_2": "rolled_back"}, "decided from another"
    await lab.grant(rolled_back("rdm_1", revision=1))
    await lab.settle()
    assert await lab.redemptions() == {"rdm_1": "rolled_back", "rdm_2": "rolled_back"}
    assert await lab.in_redis() == {"granted": 4, "returned": 4, "confirmed": 4}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (part(amount=3), "returns_too_much"),
        (part(moves=((CODE, 1), (CODE, 2))), "returns_too_much"),
        (part(moves=(("r:another", 1),)), "returns_too_much"),
        (part(moves=((CODE, -1),)), "returns_too_much"),
        (part(refund=9000), "check_refused"),
    ],
)
async def test_g1_a_rollback_gives_back_no_more_than_there_is(lab: Lab, event: RolledBack, reason: str) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=2))
    await lab.settle()
    await lab.grant(event, redeemed("rdm_2"))
    summary = await lab.settle()
    assert await lab.quarantine() == [("rdm_1", reason, "open")]
    assert summary.refused == (("rlb_0", reason),), "who waits for it hears that it has no effect"
    assert await lab.redemptions() == {"rdm_1": "redeemed", "rdm_2": "redeemed"}
    assert await lab.in_redis() == {"granted": 3, "returned": 0, "confirmed": 3}


async def test_g1_parts_give_back_no_more_than_there_is_together(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=2), part(amount=2))
    await lab.settle()
    await lab.grant(part(revision=1))
    await lab.settle()
    assert await lab.quarantine() == [("rdm_1", "returns_too_much", "open")]
    assert await lab.in_ledger() == {"granted": 2, "returned": 2, "quarantined": 0}


@pytest.mark.parametrize("confirm", [True, False])
async def test_g3_an_order_is_free_again_once_its_redemption_was_rolled_back_whole(lab: Lab, confirm: bool) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=2, order=ORDER))
    await lab.settle()
    assert await _leads_to(lab) == b"rdm_1"
    await lab.grant(part())
    await lab.settle()
    assert await _leads_to(lab) == b"rdm_1"
    assert await _redemption_of_order(lab) == "rdm_1"
    await lab.grant(part(revision=1, is_whole=True))
    await lab.settle(confirm=confirm)
    if not confirm:
        assert await _leads_to(lab) == b"rdm_1"
        await (await lab.settler()).catch_up()
    assert await _leads_to(lab) is None
    assert await _redemption_of_order(lab) is None
    assert await lab.in_redis() == {"granted": 2, "returned": 2, "confirmed": 2}
    await lab.grant(redeemed("rdm_2", order=ORDER))
    await lab.settle()
    assert await _redemption_of_order(lab) == "rdm_2"


@pytest.mark.parametrize("confirm", [True, False])
async def test_g3_an_order_is_free_again_if_the_ledger_refused_its_redemption(lab: Lab, confirm: bool) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=6, committed=True, order=ORDER))
    summary = await lab.settle(confirm=confirm)
    assert summary.dropped == ("rdm_1", ALIAS)
    if not confirm:
        await (await lab.settler()).catch_up()
    assert await _leads_to(lab) is None


async def test_g3_a_crash_before_the_confirm_of_parts_gives_back_once(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=3), part(), part(id="rlb_x"))
    await lab.settle(confirm=False)
    settler = await lab.settler()
    await settler.catch_up()
    assert await lab.in_redis() == {"granted": 3, "returned": 1, "confirmed": 3}


async def test_a_rollback_that_an_older_reconciler_settled_is_confirmed(lab: Lab) -> None:
    await lab.open()
    await lab.grant(redeemed("rdm_1", amount=2))
    await lab.settle()
    await lab.grant(rolled_back("rdm_1"))
    await lab.settle(confirm=False)
    await lab.owner.execute("DELETE FROM redemption_rollbacks")
    await (await lab.settler()).catch_up()
    assert await lab.in_redis() == {"granted": 2, "returned": 2, "confirmed": 2}
    assert {fate.kind for fate in lab.fates} == {Kind.ROLLED_BACK}


async def test_what_a_stack_took_of_one_counter_with_several_lines_may_all_come_back(lab: Lab) -> None:
    await lab.open()
    line = redeemed("rdm_1").lines[0]
    stack = redeemed("rdm_1", lines=(line, line), is_stack=True)
    await lab.grant(encode(stack))  # the script is not asked: its moves would be merged
    await lab.settle()
    await lab.grant(part(amount=2, lines=(0, 1), is_whole=True))
    await lab.settle()
    assert await lab.in_ledger() == {"granted": 2, "returned": 2, "quarantined": 0}
    assert await lab.redemptions() == {"rdm_1": "rolled_back"}


async def _leads_to(lab: Lab) -> bytes | None:
    link = lab.servers.link((await lab.state()).identity)
    return await link.command("GET", (await lab.scripts()).keyspace.record(ALIAS))  # type: ignore[no-any-return]


async def _redemption_of_order(lab: Lab) -> str | None:
    rows = await lab.owner.fetch(query("redemptions_by_order"), PROJECT, [ORDER.key])
    return rows[0]["id"] if rows else None
