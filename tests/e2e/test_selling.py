"""What is sold, through the gateway, on the running stack: limits, keys, customers, money."""

import asyncio
from collections import Counter
from functools import partial

from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Buy, Checkout
from .conftest import Ledger, campaign, voucher


def _tally(answers: list[Answer]) -> Counter[str]:
    return Counter(answer.code or str(answer.status) for answer in answers)


async def test_the_calls_of_the_quickstart(checkout: Checkout, ledger: Ledger) -> None:
    await voucher(checkout, code="SAVE20", discount_type="PERCENT", discount_value=20)
    order = {"customer_id": "cust_xyz", "order_value": 89.99}
    seen = await checkout.call("POST", "/v1/vouchers/SAVE20/validate", order)
    assert b'"discount_applied":18.00,"total":71.99' in seen.body
    redeemed = await checkout.call("POST", "/v1/vouchers/SAVE20/redeem", order)
    assert b'"discount_applied":18.00,"total":71.99' in redeemed.body
    path = f"/v1/redemptions/{redeemed.json()['id']}"
    assert (await checkout.call("GET", path)).body == redeemed.body
    first = await checkout.call("POST", f"{path}/rollback")
    again = await checkout.call("POST", f"{path}/rollback")
    assert first.json()["status"] == "rolled_back"
    assert first.body == again.body
    assert await ledger.value("SELECT status FROM redemptions WHERE id = $1", redeemed.json()["id"]) == "rolled_back"


async def test_g1_g4_exactly_500_of_5000_are_sold(checkout: Checkout, ledger: Ledger) -> None:
    made = await voucher(checkout, code="FLASH500", discount_type="PERCENT", discount_value=20, max_redemptions=500)
    buys = [partial(checkout.redeem, "FLASH500", f"flash-{n}", customer_id=f"c{n}") for n in range(5000)]
    answers = await checkout.all(buys)
    assert _tally(answers) == {"200": 500, "limit_reached": 4500}

    async def settled() -> bool:
        return await ledger.used(f"r:{made['id']}") == 500

    await eventually(settled, "500 in the ledger")
    assert await ledger.ids("FLASH500") == sorted(a.json()["id"] for a in answers if a.status == 200)
    assert await ledger.quarantined() == 0


async def test_g3_one_key_64_times_at_once(checkout: Checkout, ledger: Ledger) -> None:
    await voucher(checkout, code="ONEKEY", discount_type="AMOUNT", discount_value=5)
    answers = await checkout.all([partial(checkout.redeem, "ONEKEY", "the-key") for _ in range(64)])
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    other = await checkout.redeem("ONEKEY", "the-key", customer_id="somebody-else")
    assert (other.status, other.code) == (422, "idempotency_key_reused")

    async def settled() -> bool:
        return len(await ledger.ids("ONEKEY")) == 1

    await eventually(settled, "one row")


async def test_g3_a_granted_key_keeps_its_answer_when_paused_and_sold_out(checkout: Checkout) -> None:
    cmp = await campaign(checkout, discount_value=20, max_redemptions=1)
    await voucher(checkout, campaign_id=cmp, code="KEEPS")
    first = await checkout.redeem("KEEPS", "k")
    assert first.status == 200
    assert (await checkout.insist("KEEPS", "other")).code == "limit_reached"
    assert (await checkout.call("POST", f"/v1/campaigns/{cmp}/pause")).status == 200
    assert (await checkout.redeem("KEEPS", "another")).code == "campaign_paused"
    assert (await checkout.redeem("KEEPS", "k")).body == first.body


async def test_g1_a_customer_of_1000_requests_gets_one(checkout: Checkout) -> None:
    await voucher(checkout, code="PERHEAD", discount_type="AMOUNT", discount_value=5, max_redemptions_per_customer=1)
    buys = [partial(checkout.redeem, "PERHEAD", f"head-{n}", customer_id="bob") for n in range(1000)]
    assert _tally(await checkout.all(buys)) == {"200": 1, "customer_limit_reached": 999}


async def test_g4_a_rolled_back_unit_can_be_sold_again(checkout: Checkout) -> None:
    await voucher(checkout, code="LAST1", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
    sold = await checkout.redeem("LAST1", "a")
    assert (await checkout.redeem("LAST1", "b")).code == "limit_reached"
    await checkout.call("POST", f"/v1/redemptions/{sold.json()['id']}/rollback")
    assert (await checkout.redeem("LAST1", "b")).status == 200
    assert (await checkout.redeem("LAST1", "c")).code == "limit_reached"


async def test_g1_a_budget_is_never_overspent(checkout: Checkout) -> None:
    cmp = await campaign(checkout, discount_type="AMOUNT", discount_value=7, budget=100)
    await voucher(checkout, campaign_id=cmp, code="BUDGET")
    answers = await checkout.all([partial(checkout.redeem, "BUDGET", f"b{n}") for n in range(100)])
    assert _tally(answers) == {"200": 14, "budget_exhausted": 86}


async def test_committed_answers_when_the_ledger_has_the_row(checkout: Checkout, ledger: Ledger) -> None:
    await voucher(checkout, code="GOLD", discount_type="AMOUNT", discount_value=5, durability="committed")
    for n in range(20):
        answer = await checkout.redeem("GOLD", f"g{n}")
        assert answer.status == 200
        assert (
            await ledger.value("SELECT durability FROM redemptions WHERE id = $1", answer.json()["id"]) == "committed"
        )


async def test_g6_nothing_is_granted_that_starts_after_the_pause_is_answered(checkout: Checkout) -> None:
    cmp = await campaign(checkout, discount_value=10)
    await voucher(checkout, campaign_id=cmp, code="PAUSED")
    paused = asyncio.Event()
    answered: list[Answer] = []

    async def pause() -> Answer:
        answer = await checkout.call("POST", f"/v1/campaigns/{cmp}/pause")
        assert answer.status == 200
        answered.append(answer)
        paused.set()
        return answer

    async def buy(n: int) -> Answer:
        return await checkout.redeem("PAUSED", f"p{n}")

    work: list[Buy] = [partial(buy, n) for n in range(1500)]
    work.insert(500, pause)
    answers = await checkout.all(work)
    late = [a for a in answers if a.asked_at > answered[0].answered_at]
    assert len(late) > 500
    assert {answer.code for answer in late} == {"campaign_paused"}
    assert (await checkout.call("POST", f"/v1/campaigns/{cmp}/resume")).status == 200
    assert (await checkout.redeem("PAUSED", "again")).status == 200


async def test_g1_a_limit_lowered_below_what_is_used_is_sold_out_and_quarantines_nothing(
    checkout: Checkout, ledger: Ledger
) -> None:
    cmp = await campaign(checkout, discount_value=10, max_redemptions=1000)
    await voucher(checkout, campaign_id=cmp, code="LOWERED")

    async def lower() -> Answer:
        return await checkout.call("PATCH", f"/v1/campaigns/{cmp}", {"rules": {"max_redemptions": 100}})

    work: list[Buy] = [partial(checkout.redeem, "LOWERED", f"l{n}") for n in range(900)]
    work.insert(400, lower)
    answers = await checkout.all(work)
    lowered = answers.pop(400)
    assert lowered.status == 200
    granted = sum(answer.status == 200 for answer in answers)
    assert 100 <= granted < 900
    assert all(a.code == "limit_reached" for a in answers if a.asked_at > lowered.answered_at)

    async def settled() -> bool:
        return await ledger.used(f"r:{cmp}") == granted

    await eventually(settled, "every grant in the ledger")
    assert await ledger.quarantined() == 0
    assert await ledger.value("SELECT ceiling FROM counters WHERE id = $1", f"r:{cmp}") >= granted


async def test_a_revoked_key_is_refused_within_two_seconds(checkout: Checkout) -> None:
    made = (await checkout.call("POST", "/v1/api-keys")).json()
    assert (await checkout.call("GET", "/v1/redemptions/by-key/none", token=made["key"])).code == "redemption_not_found"
    revoked = await checkout.call("DELETE", f"/v1/api-keys/{made['id']}")
    assert revoked.status in (200, 204)

    async def refused() -> bool:
        return (await checkout.call("GET", "/v1/redemptions/by-key/none", token=made["key"])).status == 401

    await eventually(refused, "the key refused", within_s=2.0)


async def test_g5_two_projects_cannot_see_each_other(checkout: Checkout, stack: RunningStack) -> None:
    await voucher(checkout, code="MINE", discount_type="AMOUNT", discount_value=5)
    sold = (await checkout.redeem("MINE", "my-key")).json()["id"]
    made = await checkout.call("POST", "/v1/projects", {"name": "Client B"}, token=stack.state.admin_key)
    assert made.status == 201
    other = made.json()["secret_key"]
    for method, path in (
        ("GET", f"/v1/redemptions/{sold}"),
        ("POST", f"/v1/redemptions/{sold}/rollback"),
        ("GET", "/v1/redemptions/by-key/my-key"),
        ("GET", "/v1/vouchers/MINE"),
    ):
        assert (await checkout.call(method, path, token=other)).status == 404
    answer = await checkout.call("POST", "/v1/vouchers/MINE/redeem", {"order_value": 1}, token=other)
    assert answer.code == "voucher_not_found"
