"""Referrals in the ledger: one for a customer, none of oneself, no ring, and back with the redemption that did it."""

from typing import Any

import msgspec
import pytest

from domain.events import Line, Redeemed, Referral
from tests.reconciler.lab import CODE, Lab, redeemed, rolled_back, settled

PROGRAM = "ref_1"
SEED = """
INSERT INTO campaigns (project_id, id, account_id, name, type, rules, program) VALUES
    ('prj_a', 'ref_1', 'acc_a', 'Friends', 'REFERRAL', '{}', '{"identity_keys": ["device"],
        "referrer_reward": {"type": "gift_card", "amount_minor": 500},
        "referee_reward": {"type": "voucher", "campaign_id": "cmp_1"}}');
INSERT INTO referral_codes (project_id, id, program_id, code, customer_id)
    SELECT 'prj_a', 'rfc_' || name, 'ref_1', upper(name), name
    FROM unnest('{alice,bob,carol,dave,eve}'::text[]) AS name;
"""


@pytest.fixture
async def program(lab: Lab) -> Lab:
    """A program with a code for each of alice, bob, carol, dave and eve."""
    await lab.owner.execute(SEED)
    await lab.open()
    return lab


def commitment(text: str) -> bytes:
    return text.encode().ljust(16, b".")


def refers(referrer: str, referee: str, redemption_id: str = "", /, line: int = 0, **identities: str) -> Redeemed:
    """The redemption of the one's code by the other."""
    told = tuple((key, commitment(value)) for key, value in sorted(identities.items()))
    referral = Referral(line, PROGRAM, f"rfc_{referrer}", referee, told)
    return redeemed(redemption_id or f"rdm_{referee}", customer=referee, committed=True, referral=referral)


async def referrals(lab: Lab) -> list[tuple[Any, ...]]:
    rows = await lab.owner.fetch("SELECT referrer_id, referee_id, status FROM referrals ORDER BY 1, 2")
    return [tuple(row) for row in rows]


async def tasks(lab: Lab) -> list[tuple[Any, ...]]:
    rows = await lab.owner.fetch("SELECT redemption_id, side, action FROM referral_tasks ORDER BY 1, 2, 3")
    return [tuple(row) for row in rows]


def changed(event: Redeemed, **fields: Any) -> Redeemed:
    return msgspec.structs.replace(event, **fields)


async def settle_each(lab: Lab, *events: Redeemed) -> list[tuple[str, str]]:
    """Settle them one after another; which were refused, and why."""
    refused: list[tuple[str, str]] = []
    for event in events:
        await lab.grant(event)
        refused += (await lab.settle()).refused
    return refused


async def test_a_referral_is_written_down_with_what_is_due_for_it(program: Lab) -> None:
    await program.grant(refers("alice", "bob", device="d1", email="bob@x.de"))
    await program.settle()
    assert await referrals(program) == [("alice", "bob", "active")]
    row = await program.owner.fetchrow("SELECT r.created_at = d.created_at, line_no FROM referrals r, redemptions d")
    assert tuple(row) == (True, 1)
    rewards = await program.owner.fetch(
        "SELECT side, customer_id, terms ->> 'type', status FROM referral_rewards ORDER BY side"
    )
    assert [tuple(row) for row in rewards] == [
        ("referee", "bob", "voucher", "due"),
        ("referrer", "alice", "gift_card", "due"),
    ]
    assert await tasks(program) == [("rdm_bob", "referee", "issue"), ("rdm_bob", "referrer", "issue")]
    identities = await program.owner.fetch("SELECT key, commitment FROM referee_identities ORDER BY key")
    assert [tuple(row) for row in identities] == [
        ("device", commitment("d1")),
        ("email", commitment("bob@x.de")),
    ]


async def test_g3_of_two_who_refer_one_customer_the_first_stands_and_the_other_is_refused(program: Lab) -> None:
    await program.grant(refers("alice", "bob"), refers("carol", "bob", "rdm_2"))
    summary = await program.settle()
    assert summary.refused == (("rdm_2", "already_referred"),)
    assert await referrals(program) == [("alice", "bob", "active")]
    assert await program.in_redis(CODE) == {"granted": 2, "returned": 1, "confirmed": 2}, "its moves came back"
    assert (await tasks(program))[0][0] == "rdm_bob"


async def test_one_who_shares_an_identity_with_the_referred_is_the_same_customer(program: Lab) -> None:
    first, second = refers("alice", "bob", device="one", email="b"), refers("carol", "eve", device="one", email="e")
    assert await settle_each(program, first, second) == [("rdm_eve", "already_referred")]
    other = refers("carol", "eve", "rdm_3", device="another", email="e")
    assert await settle_each(program, other) == []


async def test_nobody_refers_themselves_by_id_or_by_an_identity_of_either_kind(program: Lab) -> None:
    await program.owner.execute(
        "INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)"
        " VALUES ('prj_a', 'ref_1', 'alice', 'device', $1)",
        commitment("d1"),
    )
    refused = await settle_each(
        program,
        refers("alice", "alice"),
        refers("alice", "alice2", device="d1"),
        refers("dave", "carol", email="c@x.de"),
        refers("carol", "carol2", email="c@x.de"),
        refers("alice", "eve", device="d2"),
    )
    assert refused == [
        ("rdm_alice", "self_referral"),
        ("rdm_alice2", "self_referral"),
        ("rdm_carol2", "already_referred"),  # so it is too: who has carol's address was referred by dave
    ]


async def test_no_ring_is_closed_also_within_one_batch_or_by_an_identity(program: Lab) -> None:
    assert await settle_each(program, refers("alice", "bob"), refers("bob", "carol")) == []
    assert await settle_each(program, refers("carol", "alice")) == [("rdm_alice", "referral_ring")]
    await program.owner.execute(
        "INSERT INTO referrer_identities (project_id, program_id, customer_id, key, commitment)"
        " VALUES ('prj_a', 'ref_1', 'alice', 'email', $1)",
        commitment("a@x.de"),
    )
    again = refers("carol", "alice2", email="a@x.de")
    assert await settle_each(program, again) == [("rdm_alice2", "referral_ring")]
    await program.grant(refers("dave", "eve"), refers("eve", "dave"))
    assert (await program.settle()).refused == (("rdm_dave", "referral_ring"),)
    assert ("dave", "eve", "active") in await referrals(program)


@pytest.mark.parametrize("how", [{}, {"is_whole": False, "lines": (0,), "moves": ((CODE, 1),), "id": "rlb_1"}])
async def test_a_rollback_of_the_whole_or_of_the_code_takes_it_back(program: Lab, how: dict[str, Any]) -> None:
    await settle_each(program, refers("alice", "bob", device="d1"))
    await program.grant(rolled_back("rdm_bob", **how), rolled_back("rdm_bob", **how))
    await program.settle()
    assert await referrals(program) == [("alice", "bob", "rolled_back")]
    assert [task for task in await tasks(program) if task[2] == "take_back"] == [
        ("rdm_bob", "referee", "take_back"),
        ("rdm_bob", "referrer", "take_back"),
    ]
    assert await settle_each(program, refers("carol", "bob", "rdm_2", device="d1")) == [], "is free to be referred"


async def test_a_rollback_of_another_part_leaves_it(program: Lab) -> None:
    event = refers("alice", "bob", line=1)
    other = Line("voucher", "vch_1", "cmp_1", "SAVE20", 0, ())
    await settle_each(
        program, Redeemed(**{f: getattr(event, f) for f in event.__struct_fields__} | {"lines": (other, *event.lines)})
    )
    await program.grant(rolled_back("rdm_bob", is_whole=False, lines=(0,), moves=(), id="rlb_1"))
    await program.grant(rolled_back("rdm_bob", is_whole=False, items=((0, 1),), moves=(), revision=1, id="rlb_2"))
    await program.settle()
    assert await referrals(program) == [("alice", "bob", "active")]
    assert {action for *_, action in await tasks(program)} == {"issue"}


async def test_what_is_applied_from_quarantine_is_a_referral_like_any_other(program: Lab) -> None:
    await program.owner.execute("UPDATE counters SET limit_value = 0, ceiling = 0")
    await program.grant(changed(refers("alice", "bob"), committed=False))
    await program.settle()
    assert await referrals(program) == []
    entry = await program.owner.fetchval("SELECT id FROM quarantine")
    await program.owner.execute("UPDATE counters SET ceiling = NULL, limit_value = NULL")
    await program.grant(settled(entry, "apply"))
    await program.settle()
    assert await referrals(program) == [("alice", "bob", "active")]
    assert len(await tasks(program)) == 2


async def test_a_program_without_rewards_has_nothing_due(program: Lab) -> None:
    await program.owner.execute("UPDATE campaigns SET program = '{}'")
    await settle_each(program, refers("alice", "bob"))
    await program.grant(rolled_back("rdm_bob"))
    await program.settle()
    assert await tasks(program) == []
