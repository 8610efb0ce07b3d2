"""Referral programs over HTTP, and their rewards: given once, taken back once, and what cannot be is owed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.referral_programs import rewarding
from domain.definitions import voucher_key
from domain.events import Line, Redeemed, Referral, RolledBack
from domain.ledger import Position
from domain.referrals import commitment
from store.database import Database
from store.ledger_referrals import attribute, roll_back_referrals
from store.ledger_rows import Slot
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import SECRET, SHARD, NewTenancy
from tests.servers.postgres import DatabaseUrls

PROGRAMS = "/v1/referral-programs"


class Shop:
    """A project with a program, and the ledger's side of it."""

    def __init__(self, tenancy: Tenancy, context: Context, ledger: Database, owner: Any) -> None:
        self.tenancy = tenancy
        self.api = tenancy.secret
        self.context = context
        self.ledger = ledger
        self.owner = owner

    async def program(self, **terms: Any) -> str:
        body = {"name": "Friends", "rules": {"discount_value": 10}, **terms}
        return str(created(await self.api.post(PROGRAMS, body))["id"])

    async def refer(self, program_id: str, referrer: str = "alice", referee: str = "bob") -> str:
        """A redemption of the one's code by the other is settled."""
        body = ok_or_created(await self.api.post(f"{PROGRAMS}/{program_id}/codes", {"customer_id": referrer}))
        redemption_id = f"rdm_{program_id}_{referee}"
        made = Referral(0, program_id, body["id"], referee, ())
        line = Line("referral_code", body["id"], program_id, body["code"], 100, ())
        event = Redeemed(
            redemption_id, self.tenancy.made.account_id, self.tenancy.project_id, b"f", None, referee, "EUR", 2, 1000,
            100, True, (line,), referral=made,
        )  # fmt: skip
        async with self.ledger.shard_tx(SHARD) as tx:
            await attribute(tx, [slot_of(event)])
        return redemption_id

    async def roll_back(self, redemption_id: str) -> None:
        event = RolledBack(redemption_id, self.tenancy.made.account_id, self.tenancy.project_id)
        async with self.ledger.shard_tx(SHARD) as tx:
            await roll_back_referrals(tx, [slot_of(event)])

    async def spend(self, card_id: str, amount_minor: int) -> None:
        async with self.ledger.shard_tx(SHARD) as tx:
            row = [self.tenancy.project_id], [card_id], [amount_minor], ["rdm_spent"], [1]
            await tx.fetch("SELECT post_gift_card_spends($1, $2, $3, $4, $5, ARRAY[now()])", *row)

    async def spend_points(self, card_id: str, lot_ms: int, points: int) -> None:
        async with self.ledger.shard_tx(SHARD) as tx:
            row = [self.tenancy.project_id], [card_id], [lot_ms], [points], ["rdm_spent"], [1]
            await tx.fetch("SELECT post_loyalty_spends($1, $2, $3, $4, $5, $6, ARRAY[now()])", *row)

    async def work(self) -> None:
        """All that is due, at once."""
        while await rewarding.do_due_tasks(self.context):
            pass

    async def rewards(self, program_id: str) -> dict[str, dict[str, Any]]:
        body = ok(await self.api.get(f"{PROGRAMS}/{program_id}/attributions"))
        return {reward["side"]: reward for reward in body["data"][0]["rewards"]}


def slot_of(event: Redeemed | RolledBack) -> Slot:
    return Slot(Position(1, 1), 0, 1_790_000_000_000, b"", event)


def ok_or_created(response: Any) -> dict[str, Any]:
    return ok(response, 201 if response.status_code == 201 else 200)


@pytest.fixture
async def shop(tenancy: Tenancy, context: Context, owner: Any, database: DatabaseUrls) -> AsyncIterator[Shop]:
    ledger = await Database.connect(database.reconciler, application_name="test-ledger", max_size=2)
    yield Shop(tenancy, context, ledger, owner)
    await ledger.close()


# -- programs and codes ------------------------------------------------------------------------------------------------


async def test_a_program_is_shown_as_it_was_made_and_changed(api: Client) -> None:
    body = {
        "name": "Friends",
        "identity_keys": ["device"],
        "referrer_reward": {"type": "gift_card", "amount": 5},
        "rules": {"discount_value": 10, "max_redemptions_per_code": 20},
    }
    made = created(await api.post(PROGRAMS, body))
    assert made["id"].startswith("ref_")
    assert (made["identity_keys"], made["referee_reward"]) == (["device"], None)
    assert made["referrer_reward"] == {
        "type": "gift_card", "campaign_id": None, "amount": 5, "program_id": None, "points": None,
    }  # fmt: skip
    assert (made["rules"]["max_redemptions_per_customer"], made["rules"]["max_redemptions_per_code"]) == (1, 20)
    path = f"{PROGRAMS}/{made['id']}"
    changed = ok(await api.patch(path, {"name": "Pals", "referrer_reward": None, "identity_keys": []}))
    assert (changed["name"], changed["referrer_reward"], changed["identity_keys"]) == ("Pals", None, [])
    assert ok(await api.post(f"{path}/pause"))["status"] == "paused"
    assert ok(await api.post(f"{path}/resume"))["status"] == "active"
    assert ok(await api.get(path))["version"] == 4
    assert [one["id"] for one in ok(await api.get(PROGRAMS))["data"]] == [made["id"]]
    assert ok(await api.get("/v1/campaigns"))["data"] == []
    assert_problem(await api.get(f"/v1/campaigns/{made['id']}"), "campaign_not_found")


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"referrer_reward": {"type": "voucher"}}, "/referrer_reward/campaign_id"),
        ({"referee_reward": {"type": "gift_card", "amount": 0}}, "/referee_reward/amount"),
        ({"referee_reward": {"type": "gift_card", "amount": 1, "points": 3}}, "/referee_reward/points"),
        ({"referrer_reward": {"type": "cash", "amount": 1}}, "/referrer_reward/type"),
        ({"referrer_reward": {"type": "voucher", "campaign_id": "cmp_none"}}, "/referrer_reward/campaign_id"),
        ({"referee_reward": {"type": "points", "program_id": "lty_1", "points": 5}}, "/referee_reward/program_id"),
        ({"rules": {"max_redemptions_per_customer": 2}}, "/rules/max_redemptions_per_customer"),
        ({"rules": {"durability": "default"}}, "/rules/durability"),
        ({"identity_keys": ["email"]}, "/identity_keys"),
        ({"identity_keys": ["Device"]}, "/identity_keys/0"),
        ({"identity_keys": [f"k{n}" for n in range(9)]}, "/identity_keys"),
        ({"budget": 5}, "/budget"),
    ],
)
async def test_what_does_not_hold_is_named(api: Client, terms: dict[str, Any], pointer: str) -> None:
    assert_problem(await api.post(PROGRAMS, {"name": "Friends", **terms}), "invalid_request", pointer)
    made = created(await api.post(PROGRAMS, {"name": "Friends"}))
    assert_problem(await api.patch(f"{PROGRAMS}/{made['id']}", terms), "invalid_request", pointer)
    assert ok(await api.get(f"{PROGRAMS}/{made['id']}"))["version"] == 1


async def test_a_customer_has_one_code_in_a_program_however_often_it_is_asked_for(shop: Shop) -> None:
    program_id = await shop.program(identity_keys=["device"])
    path = f"{PROGRAMS}/{program_id}/codes"
    made = created(await shop.api.post(path, {"customer_id": "alice"}))
    assert made["code"].startswith("ALICE-")
    assert len(made["code"]) == len("ALICE-") + 6
    again = ok(await shop.api.post(path, {"customer_id": "alice", "prefix": "other", "identity": {"device": "d"}}))
    assert again["id"] == made["id"]
    other = created(await shop.api.post(path, {"customer_id": "böb 7/é", "prefix": "Win"}))
    assert other["code"].startswith("WIN-")
    assert created(await shop.api.post(path, {"customer_id": "é"}))["code"].startswith("REF-")
    assert len(ok(await shop.api.get(path))["data"]) == 3
    assert [one["id"] for one in ok(await shop.api.get(f"{path}?customer_id=alice"))["data"]] == [made["id"]]
    second = await shop.program()
    elsewhere = created(await shop.api.post(f"{PROGRAMS}/{second}/codes", {"customer_id": "alice"}))
    address = created(await shop.api.post(f"{PROGRAMS}/{second}/codes", {"customer_id": "carol@home.example"}))
    assert address["code"].startswith("CAROL-"), "codes are shown to others"
    assert elsewhere["id"] != made["id"]


async def test_a_referrers_identities_are_kept_as_commitments_alone(shop: Shop) -> None:
    ok(await shop.api.post("/v1/customers", {"id": "alice", "email": "Alice+x@Gmail.com"}))
    program_id = await shop.program(identity_keys=["device"])
    path = f"{PROGRAMS}/{program_id}/codes"
    body = {"customer_id": "alice", "email": "a.l@shop.example", "identity": {"device": "d-1"}}
    created(await shop.api.post(path, body))
    rows = await shop.owner.fetch("SELECT key, commitment FROM referrer_identities")
    told = {("email", "alice@gmail.com"), ("email", "a.l@shop.example"), ("device", "d-1")}
    project_id = shop.tenancy.project_id
    assert {tuple(row) for row in rows} == {(k, commitment(SECRET, project_id, k, v)) for k, v in told}
    wrong = {"customer_id": "alice", "identity": {"shoe": "43"}}
    assert_problem(await shop.api.post(path, wrong), "invalid_request", "/identity/shoe")
    wrong = {"customer_id": "alice", "email": "a@x.de", "identity": {"email": "b@x.de"}}
    assert_problem(await shop.api.post(path, wrong), "invalid_request", "/identity/email")
    for number in range(47):
        ok(await shop.api.post(path, {"customer_id": "alice", "identity": {"device": f"n{number}"}}))
    assert_problem(
        await shop.api.post(path, {"customer_id": "alice", "identity": {"device": "one too many"}}), "invalid_request"
    )


async def test_a_code_is_shut_off_and_opened_by_either_name(shop: Shop, scripts: Scripts) -> None:
    program_id = await shop.program()
    path = f"{PROGRAMS}/{program_id}/codes"
    made = created(await shop.api.post(path, {"customer_id": "alice"}))
    for _ in range(2):
        assert ok(await shop.api.post(f"{path}/{made['code'].lower()}/disable"))["version"] == 2
    key = voucher_key(shop.tenancy.project_id, made["code"])
    _, _, found = await scripts.peek(shop.tenancy.project_id, [key])
    assert found[0] is not None, "Redis is told at once"
    assert found[0].version == 2
    assert ok(await shop.api.post(f"{path}/{made['id']}/enable"))["status"] == "active"
    assert_problem(await shop.api.post(f"{path}/NOBODY/disable"), "referral_code_not_found")
    other = await shop.program()
    elsewhere = f"{PROGRAMS}/{other}/codes/{made['code']}/disable"
    assert_problem(await shop.api.post(elsewhere), "referral_code_not_found")


async def test_other_tenants_see_nothing_of_it(shop: Shop, new_tenancy: NewTenancy) -> None:
    program_id = await shop.program()
    await shop.refer(program_id)
    other = (await new_tenancy()).secret
    for path in ("", "/codes", "/attributions"):
        assert_problem(await other.get(f"{PROGRAMS}/{program_id}{path}"), "referral_program_not_found")
    assert_problem(
        await other.post(f"{PROGRAMS}/{program_id}/codes", {"customer_id": "eve"}), "referral_program_not_found"
    )


# -- rewards -----------------------------------------------------------------------------------------------------------


async def test_both_sides_are_rewarded_once_whoever_works(shop: Shop) -> None:
    made = created(await shop.api.post("/v1/campaigns", {"name": "Thanks", "rules": {"discount_value": 5}}))
    program_id = await shop.program(
        referrer_reward={"type": "gift_card", "amount": 7.5},
        referee_reward={"type": "voucher", "campaign_id": made["id"]},
    )
    await shop.refer(program_id)
    before = await shop.rewards(program_id)
    assert {reward["status"] for reward in before.values()} == {"due"}
    await shop.work()
    await shop.owner.execute("UPDATE referral_tasks SET done_at = NULL")  # as if it had been killed, or done twice
    await shop.work()
    after = await shop.rewards(program_id)
    assert {reward["status"] for reward in after.values()} == {"issued"}
    assert (after["referrer"]["customer_id"], after["referee"]["customer_id"]) == ("alice", "bob")
    voucher = ok(await shop.api.get(f"/v1/vouchers/{after['referee']['reference']}"))
    assert (voucher["customer_id"], voucher["campaign_id"]) == ("bob", made["id"])
    assert voucher["redemptions"] == {"used": 0, "limit": 1}
    cards = await shop.owner.fetch("SELECT id, customer_id, balance_minor FROM gift_cards")
    assert [tuple(card) for card in cards] == [(after["referrer"]["reference"], "alice", 750)]
    assert await shop.owner.fetchval("SELECT count(*) FROM vouchers") == 1
    assert await shop.owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_a_rollback_takes_both_back_and_the_customer_can_be_referred_again(shop: Shop) -> None:
    made = created(await shop.api.post("/v1/campaigns", {"name": "Thanks", "rules": {"discount_value": 5}}))
    program_id = await shop.program(
        referrer_reward={"type": "gift_card", "amount": 7.5},
        referee_reward={"type": "voucher", "campaign_id": made["id"]},
    )
    redemption_id = await shop.refer(program_id)
    await shop.work()
    await shop.roll_back(redemption_id)
    await shop.roll_back(redemption_id)
    await shop.work()
    after = await shop.rewards(program_id)
    assert {(reward["status"], reward["owed"]) for reward in after.values()} == {("taken_back", 0)}
    assert ok(await shop.api.get(f"/v1/vouchers/{after['referee']['reference']}"))["status"] == "disabled"
    card = await shop.owner.fetchrow("SELECT status, balance_minor FROM gift_cards")
    assert tuple(card) == ("blocked", 0)
    body = ok(await shop.api.get(f"{PROGRAMS}/{program_id}/attributions"))
    assert body["data"][0]["status"] == "rolled_back"
    assert body["data"][0]["rolled_back_at"] is not None
    assert await shop.owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_what_was_spent_of_a_reward_is_owed(shop: Shop) -> None:
    made = created(await shop.api.post("/v1/campaigns", {"name": "Thanks", "rules": {"discount_value": 5}}))
    program_id = await shop.program(
        referrer_reward={"type": "gift_card", "amount": 7.5},
        referee_reward={"type": "voucher", "campaign_id": made["id"]},
    )
    redemption_id = await shop.refer(program_id)
    await shop.work()
    rewards = await shop.rewards(program_id)
    await shop.spend(rewards["referrer"]["reference"], 200)
    await shop.owner.execute("UPDATE counters SET granted = 1 WHERE id = 'r:' || $1", rewards["referee"]["reference"])
    await shop.roll_back(redemption_id)
    await shop.work()
    after = await shop.rewards(program_id)
    assert (after["referrer"]["status"], after["referrer"]["owed"]) == ("owed", 2.0)
    assert after["referee"]["status"] == "owed"


async def test_points_go_to_the_customers_card_and_come_back_from_it(shop: Shop) -> None:
    loyalty = created(await shop.api.post("/v1/loyalty-programs", {"name": "Stars"}))["id"]
    reward = {"type": "points", "program_id": loyalty, "points": 100}
    program_id = await shop.program(referrer_reward=reward, referee_reward=reward)
    card = created(await shop.api.post(f"/v1/loyalty-programs/{loyalty}/cards", {"customer_id": "alice"}))
    redemption_id = await shop.refer(program_id)
    await shop.work()
    after = await shop.rewards(program_id)
    assert after["referrer"]["reference"] == card["id"]
    assert after["referee"]["points"] == 100
    assert ok(await shop.api.get(f"/v1/loyalty-cards/{card['code']}"))["points"] == 100
    lot_ms = await shop.owner.fetchval("SELECT lot_ms FROM referral_rewards WHERE side = 'referrer'")
    await shop.spend_points(card["id"], lot_ms, 30)
    await shop.roll_back(redemption_id)
    await shop.work()
    after = await shop.rewards(program_id)
    assert (after["referrer"]["status"], after["referrer"]["owed"]) == ("owed", 30)
    assert (after["referee"]["status"], after["referee"]["owed"]) == ("taken_back", 0)
    shown = ok(await shop.api.get(f"/v1/loyalty-cards/{card['code']}"))
    assert (shown["points"], shown["owed_points"]) == (0, 30)


async def test_what_was_rolled_back_before_it_was_given_is_never_given(shop: Shop) -> None:
    program_id = await shop.program(referrer_reward={"type": "gift_card", "amount": 7.5})
    await shop.roll_back(await shop.refer(program_id))
    await shop.work()
    assert (await shop.rewards(program_id))["referrer"]["status"] == "taken_back"
    assert await shop.owner.fetchval("SELECT count(*) FROM gift_cards") == 0


async def test_what_cannot_be_given_is_shown_as_failed_and_holds_up_nobody(shop: Shop) -> None:
    program_id = await shop.program(referrer_reward={"type": "gift_card", "amount": 7.5})
    gone = {"type": "voucher", "campaign_id": "cmp_gone"}
    await shop.refer(program_id)
    await shop.refer(program_id, referee="carol")
    await shop.owner.execute("UPDATE referral_rewards SET terms = $1 WHERE redemption_id LIKE '%bob'", gone)
    await shop.work()
    rows = await shop.owner.fetch("SELECT status, failure FROM referral_rewards ORDER BY redemption_id")
    assert [tuple(row) for row in rows] == [("failed", "campaign_not_found"), ("issued", None)]


async def test_terms_of_another_release_wait_and_are_given_up_in_the_end(shop: Shop) -> None:
    program_id = await shop.program(referrer_reward={"type": "gift_card", "amount": 7.5})
    await shop.refer(program_id)
    await shop.refer(program_id, referee="carol")
    await shop.owner.execute(
        "UPDATE referral_rewards SET terms = $1 WHERE redemption_id LIKE '%bob'", {"type": "gift_card", "colour": 5}
    )
    await shop.work()
    rows = await shop.owner.fetch("SELECT status, failure FROM referral_rewards ORDER BY redemption_id")
    assert [tuple(row) for row in rows] == [("due", None), ("issued", None)]
    await shop.owner.execute("UPDATE referral_tasks SET not_before = now(), attempts = $1", rewarding.MOST_ATTEMPTS)
    await shop.work()
    rows = await shop.owner.fetch("SELECT status, failure FROM referral_rewards ORDER BY redemption_id")
    assert [tuple(row) for row in rows] == [("failed", "internal_error"), ("issued", None)]


async def test_a_worker_that_is_killed_in_between_has_given_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_id = await shop.program(referrer_reward={"type": "gift_card", "amount": 7.5})
    await shop.refer(program_id)

    with monkeypatch.context() as patched:
        patched.setattr(rewarding, "_FINISH", "SELECT 1 / 0, $1::text, $2::text, $3::text, $4::text")
        await rewarding.do_due_tasks(shop.context)
    assert await shop.owner.fetchval("SELECT count(*) FROM gift_cards") == 0
    assert await shop.owner.fetchval("SELECT attempts FROM referral_tasks WHERE not_before > now()") == 1
    await shop.owner.execute("UPDATE referral_tasks SET not_before = now()")
    await shop.work()
    assert await shop.owner.fetchval("SELECT count(*) FROM gift_cards") == 1


async def test_attributions_are_read_by_customer_page_by_page(shop: Shop) -> None:
    program_id = await shop.program()
    for referrer, referee in (("alice", "bob"), ("alice", "carol"), ("bob", "dave")):
        await shop.refer(program_id, referrer, referee)
    path = f"{PROGRAMS}/{program_id}/attributions"
    pairs = [(one["referrer_id"], one["customer_id"]) for one in ok(await shop.api.get(path))["data"]]
    assert sorted(pairs) == [("alice", "bob"), ("alice", "carol"), ("bob", "dave")]
    of_bob = ok(await shop.api.get(f"{path}?customer_id=bob"))["data"]
    assert sorted(one["customer_id"] for one in of_bob) == ["bob", "dave"]
    first = ok(await shop.api.get(f"{path}?limit=2"))
    rest = ok(await shop.api.get(f"{path}?limit=2&cursor={first['next_cursor']}"))
    assert [len(first["data"]), len(rest["data"]), rest["next_cursor"]] == [2, 1, None]
    assert first["data"][0]["code"].startswith("BOB-")
