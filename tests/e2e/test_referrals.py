"""Referrals at the gateway: nobody refers themselves, no ring, one referral a customer, rewards with their cause."""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, campaign
from .projects import project
from .test_cards import killing
from .test_promotions import ok

CLIENTS = 16
REFERRED = 60
BACK = 15
"""Of those, how many are rolled back."""


async def program(shop: Checkout, rules: dict[str, Any] | None = None, **terms: Any) -> str:
    """The path of a new program."""
    body = {"name": "Friends", "rules": {"discount_value": 10, **(rules or {})}, **terms}
    return f"/v1/referral-programs/{(await ok(await shop.call('POST', '/v1/referral-programs', body), 201))['id']}"


async def code_of(shop: Checkout, path: str, customer_id: str, **told: Any) -> str:
    answer = await shop.call("POST", f"{path}/codes", {"customer_id": customer_id, **told})
    assert answer.status in (200, 201), answer
    return str(answer.json()["code"])


async def redeem(shop: Checkout, code: str, customer_id: str, key: str | None = None, **told: Any) -> Answer:
    """By a customer, who says this of himself."""
    body = {"order_value": 50, "customer": {"id": customer_id, **told}}
    while (answer := await shop.call("POST", f"/v1/vouchers/{code}/redeem", body, key=key)).status == 503:
        pass  # many on one line of referrals: one goes first
    return answer


async def attributions(shop: Checkout, path: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ok(await shop.call("GET", f"{path}/attributions{query}")))["data"]
    return found


async def rewarded(shop: Checkout, path: str, *statuses: str) -> dict[str, dict[str, Any]]:
    """The rewards of the newest referral, when both have one of these statuses."""

    async def both() -> bool:
        rewards = (await attributions(shop, path))[0]["rewards"]
        return len(rewards) == 2 and {reward["status"] for reward in rewards} <= set(statuses)

    await eventually(both, f"rewards to be {statuses}")
    return {reward["side"]: reward for reward in (await attributions(shop, path))[0]["rewards"]}


async def test_both_are_rewarded_and_a_refund_takes_both_back_or_marks_them_owed(stack: RunningStack) -> None:
    async with project(stack) as shop:
        thanks = await campaign(shop, discount_value=50)
        path = await program(
            shop,
            referrer_reward={"type": "gift_card", "amount": 5},
            referee_reward={"type": "voucher", "campaign_id": thanks},
        )
        code = await code_of(shop, path, "alice")
        assert code.startswith("ALICE-")
        bought = await ok(await redeem(shop, code, "bob"))
        given = await rewarded(shop, path, "issued")
        card = await ok(await shop.call("GET", f"/v1/gift-cards/{given['referrer']['reference']}"))
        assert (card["balance"], card["customer_id"]) == (5.0, "alice")
        spent = {"order_value": 30, "amount": 1.5}
        await ok(await shop.call("POST", f"/v1/vouchers/{card['code']}/redeem", spent))
        await ok(await shop.call("POST", f"/v1/redemptions/{bought['id']}/rollback"))
        taken = await rewarded(shop, path, "taken_back", "owed")
        assert (taken["referrer"]["status"], taken["referrer"]["owed"]) == ("owed", 1.5)
        assert taken["referee"]["status"] == "taken_back"
        voucher = await ok(await shop.call("GET", f"/v1/vouchers/{taken['referee']['reference']}"))
        assert (voucher["status"], voucher["customer_id"]) == ("disabled", "bob")
        refused = await shop.call("POST", f"/v1/vouchers/{card['code']}/redeem", spent)
        assert refused.code in ("card_blocked", "insufficient_balance")
        assert [one["status"] for one in await attributions(shop, path, "?customer_id=bob")] == ["rolled_back"]
        assert (await redeem(shop, code, "bob")).status == 200, "can be referred again"


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("alice", {}),
        ("alice2", {"email": "ALICE@Shop.example"}),
        ("alice3", {"email": "alice+friend@shop.example"}),
        ("alice4", {"email": "new@shop.example", "identity": {"device": "phone-1"}}),
    ],
)
async def test_nobody_refers_themselves_under_another_spelling(
    stack: RunningStack, ledger: Ledger, who: str, told: dict[str, Any]
) -> None:
    async with project(stack) as shop:
        path = await program(shop, identity_keys=["device"])
        known = {"email": "alice@shop.example", "identity": {"device": "phone-1"}}
        code = await code_of(shop, path, "alice", **known)
        answer = await redeem(shop, code, who, key="k-1", **told)
        assert answer.code == "self_referral"
        assert (await redeem(shop, code, who, key="k-1", **told)).code == "self_referral"
        assert await attributions(shop, path) == []
        assert (await redeem(shop, code, "bob", email="bob@shop.example", identity={"device": "phone-2"})).status == 200
        alike = await redeem(shop, code, "bob2", email="B.ob+1@shop.example", identity={"device": "phone-2"})
        assert alike.code == "already_referred"
        assert await ledger.ids(code) == [(await attributions(shop, path))[0]["redemption_id"]]


async def test_addresses_that_the_project_keeps_are_compared_whatever_is_stated(stack: RunningStack) -> None:
    async with project(stack) as shop:
        path = await program(shop)
        code = await code_of(shop, path, "alice")
        for customer_id, email in (("alice", "alice@shop.example"), ("carol", "Alice+1@shop.example")):
            await ok(await shop.call("POST", "/v1/customers", {"id": customer_id, "email": email}))
        assert (await redeem(shop, code, "carol")).code == "self_referral"
        assert (await redeem(shop, code, "carol", email="carol@shop.example")).code == "self_referral"
        assert (await redeem(shop, code, "eve", email="ALICE@shop.example")).code == "self_referral"
        await ok(await shop.call("POST", "/v1/customers", {"id": "bob", "email": "bob@shop.example"}))
        assert (await redeem(shop, code, "bob", email="other@shop.example")).status == 200
        for email in ("bob@shop.example", "other@shop.example"):
            assert (await redeem(shop, code, "bobby", email=email)).code == "already_referred"


async def test_a_ring_is_not_closed_however_it_is_raced(stack: RunningStack) -> None:
    async with project(stack) as shop:
        path = await program(shop)
        people = [f"p{number}" for number in range(8)]
        codes = {person: await code_of(shop, path, person) for person in people}
        pairs = [(a, people[(at + 1) % 8]) for at, a in enumerate(people)]
        answers = await shop.all([partial(redeem, shop, codes[a], b) for a, b in pairs])
        outcomes = Counter(answer.code or "granted" for answer in answers)
        assert outcomes == {"granted": 7, "referral_ring": 1}
        made = {(one["referrer_id"], one["customer_id"]) for one in await attributions(shop, path)}
        assert made == {pair for pair, answer in zip(pairs, answers, strict=True) if answer.status == 200}


async def test_g3_of_many_who_refer_one_customer_at_once_one_does(stack: RunningStack, ledger: Ledger) -> None:
    async with project(stack) as shop:
        path = await program(shop, referrer_reward={"type": "gift_card", "amount": 5})
        codes = [await code_of(shop, path, f"p{number}") for number in range(CLIENTS)]
        keys = {code: f"k-{number}" for number, code in enumerate(codes)}
        answers = await shop.all([partial(redeem, shop, code, "bob", keys[code]) for code in codes])
        outcomes = Counter(answer.code or "granted" for answer in answers)
        assert outcomes.pop("granted") == 1
        assert set(outcomes) <= {"already_referred", "customer_limit_reached"}
        again = await shop.all([partial(redeem, shop, code, "bob", keys[code]) for code in codes])
        assert [answer.status for answer in again] == [answer.status for answer in answers]
        made = (await attributions(shop, path))[0]
        winner = codes[[answer.status for answer in answers].index(200)]
        assert made["code"] == winner
        assert [await ledger.ids(code) for code in codes if code != winner] == [[]] * (CLIENTS - 1)

        async def given() -> bool:
            return bool((await attributions(shop, path))[0]["rewards"][0]["status"] == "issued")

        await eventually(given, "the reward")


async def test_g1_a_referrers_cap_is_met_exactly(stack: RunningStack) -> None:
    async with project(stack) as shop:
        path = await program(shop, rules={"max_redemptions_per_code": 5})
        code = await code_of(shop, path, "alice")
        answers = await shop.all([partial(redeem, shop, code, f"c{number}") for number in range(20)])
        assert Counter(answer.code or "granted" for answer in answers) == {"granted": 5, "limit_reached": 15}
        shown = (await ok(await shop.call("GET", f"{path}/codes")))["data"][0]
        assert shown["referrals"] == {"used": 5, "limit": 5}
        assert len(await attributions(shop, path)) == 5


async def test_g3_each_reward_is_given_once_whatever_is_killed_meanwhile(stack_factory: StackFactory) -> None:
    stack = stack_factory()
    async with Checkout(stack.state.api_url, stack.state.secret_key, CLIENTS, timeout_s=30) as shop:
        ledger = Ledger(stack.state.database_url)
        reward = {"type": "gift_card", "amount": 5}
        path = await program(shop, referrer_reward=reward, referee_reward=reward)
        code, made, done = await code_of(shop, path, "alice"), list[str](), list[int]()

        async def refer(number: int) -> Answer:
            answer = await shop.insist(code, f"k-{number}", within_s=60, customer_id=f"c{number}")
            made.append(answer.json()["id"])
            done.append(number)
            return answer

        async def take_back(redemption_id: str) -> Answer:
            answer = await shop.call("POST", f"/v1/redemptions/{redemption_id}/rollback")
            back.append(0)
            return answer

        async def settled() -> bool:
            return not await ledger.number("SELECT count(*) FROM referral_tasks WHERE done_at IS NULL")

        async with killing(stack, ["control_plane", "reconciler", "control_plane"], done, REFERRED):
            answers = await shop.all([partial(refer, number) for number in range(REFERRED)])
        await eventually(settled, "all rewards", within_s=60)
        back = list[int]()
        async with killing(stack, ["control_plane"], back, BACK):
            answers += await shop.all([partial(take_back, redemption_id) for redemption_id in made[:BACK]])
        assert {answer.status for answer in answers} == {200}
        await eventually(settled, "all that is taken back", within_s=60)
        cards = "SELECT count(*) FROM gift_cards"
        assert await ledger.number(cards) == 2 * REFERRED
        assert await ledger.number(f"{cards} WHERE balance_minor = 500 AND status = 'active'") == 2 * (REFERRED - BACK)
        entries = "SELECT count(*) FROM gift_card_entries WHERE type = $1"
        assert await ledger.number(entries, "issue") == 2 * REFERRED
        assert await ledger.number(entries, "take_back") == 2 * BACK
        unmet = "SELECT count(*) FROM referral_rewards WHERE status NOT IN ('issued', 'taken_back')"
        assert await ledger.number(unmet) == 0
