"""Orders under contention: returns of one redemption, limits that a stack shares, one redemption an order."""

from collections import Counter
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest

from domain.events import Redeemed, RolledBack, decode
from domain.returns import remaining
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, campaign, voucher
from .projects import project
from .test_promotions import ok
from .test_promotions import stack as stacked

CLIENTS = 32
ROLLBACKS = """SELECT array_agg(body ORDER BY revision) FROM redemption_rollbacks WHERE redemption_id = $1"""

_figures = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def money(answer: Answer, name: str) -> Decimal:
    """A figure of the answer, as it was written."""
    return Decimal(_figures.decode(answer.body)[name])


async def agree(shop: Checkout, ledger: Ledger, redemption_id: str) -> tuple[Redeemed, list[RolledBack]]:
    """The ledger's row, the sums of the events and what the API shows say the same; what has come back."""
    event = decode(await ledger.value("SELECT body FROM redemptions WHERE id = $1", redemption_id))
    assert isinstance(event, Redeemed)
    bodies = await ledger.value(ROLLBACKS, redemption_id) or []
    rollbacks = [one for one in map(decode, bodies) if isinstance(one, RolledBack)]
    assert [one.revision for one in rollbacks] == list(range(len(bodies)))
    left = remaining(event, rollbacks)
    row = "SELECT (revision, refunded_minor, status)::text FROM redemptions WHERE id = $1"
    status = "rolled_back" if left.is_whole else "partially_rolled_back" if rollbacks else "redeemed"
    assert await ledger.value(row, redemption_id) == f"({len(rollbacks)},{left.refunded_minor},{status})"
    shown = await shop.call("GET", f"/v1/redemptions/{redemption_id}")
    assert shown.json()["status"] == status
    if rollbacks:
        assert money(shown, "refunded") == Decimal(left.refunded_minor).scaleb(-event.decimals)
    for counter in {counter for line in event.lines for counter, _, _ in line.moves}:
        taken = sum(amount for line in event.lines for name, amount, _ in line.moves if name == counter)
        back = sum(amount for one in rollbacks for name, amount in one.moves or () if name == counter)
        assert 0 <= back <= taken
        assert await ledger.used(counter) == taken - back
    return event, rollbacks


@pytest.mark.parametrize("policy", ["keep", "requalify"])
@pytest.mark.parametrize("keys", ["none", "own", "shared"])
async def test_g1_g3_returns_at_the_same_time_never_refund_more_than_was_paid(
    stack: RunningStack, ledger: Ledger, policy: str, keys: str
) -> None:
    """32 clients return one of 20 units each, with no key, with a key each, or with eight keys between them."""
    async with project(stack) as shop:
        fields = {"discount_type": "PERCENT", "discount_value": 12.5, "return_policy": policy, "budget": 500}
        await voucher(shop, code="BACK", **fields)
        await voucher(shop, code="MORE", discount_type="AMOUNT", discount_value=3.33)
        order = {"shipping": 4.90, "items": [{"sku": "TEE", "quantity": 13, "price": 9.99}]}
        order["items"] += [{"sku": "MUG", "quantity": 7, "price": 3.07}]  # type: ignore[operator]
        made = await ok(await shop.call("POST", "/v1/redemptions", stacked("BACK", "MORE", order=order)))
        path = f"/v1/redemptions/{made['id']}/rollback"

        async def give_back(n: int) -> Answer:
            body = {"items": [{"sku": "MUG" if n % 3 else "TEE", "quantity": 1}]}
            group = n % 8
            if keys == "shared":
                body = {"items": [{"sku": "MUG" if group % 3 else "TEE", "quantity": 1}]}
            key = {"none": None, "own": f"k-{n}", "shared": f"k-{group}"}[keys]
            while (answer := await shop.call("POST", path, body, key=key)).status == 503:
                pass  # many at the same revision: one goes first, the others decide again
            return answer

        answers = await shop.all(partial(give_back, n) for n in range(CLIENTS))
        tally = Counter(answer.code or "200" for answer in answers)
        event, rollbacks = await agree(shop, ledger, made["id"])
        expected = {"none": {"200": 18, "return_exceeds": 14}, "own": {"200": 18, "return_exceeds": 14}}
        assert tally == expected.get(keys, {"200": 32})
        assert len(rollbacks) == (8 if keys == "shared" else 18)
        refunds = {answer.json()["id"]: money(answer, "refund") for answer in answers if answer.status == 200}
        assert {one.id: Decimal(one.refund_minor).scaleb(-2) for one in rollbacks} == refunds
        assert sum(one.refund_minor for one in rollbacks) <= event.total_minor
        assert (await shop.call("POST", path)).status == 200
        event, rollbacks = await agree(shop, ledger, made["id"])
        assert sum(one.refund_minor for one in rollbacks) == event.total_minor, "in full exactly what was paid"
        assert {counter for counter in _counters(event) if await ledger.used(counter)} == set()


def _counters(event: Redeemed) -> set[str]:
    return {counter for line in event.lines for counter, _, _ in line.moves}


async def test_g1_everything_comes_back_once_whoever_asks_for_what(stack: RunningStack, ledger: Ledger) -> None:
    """Items, a redeemable of the stack, and the whole, at once."""
    async with project(stack) as shop:
        await voucher(shop, code="ONE", discount_type="PERCENT", discount_value=10, return_policy="requalify")
        await voucher(shop, code="TWO", discount_type="AMOUNT", discount_value=5, max_redemptions=50)
        for number in range(4):
            order = {"id": f"ord_{number}", "items": [{"sku": "TEE", "quantity": 6, "price": 7.77}], "shipping": 3}
            made = await ok(await shop.call("POST", "/v1/redemptions", stacked("ONE", "TWO", order=order)))
            path = f"/v1/redemptions/{made['id']}/rollback"
            asked = [{"items": [{"sku": "TEE", "quantity": 1}]}, {"redeemables": ["TWO"]}, {}]

            async def give_back(n: int, path: str = path, asked: list[Any] = asked) -> Answer:
                body = asked[0 if n < 6 else 1 if n < 10 else 2]
                while (answer := await shop.call("POST", path, body, key=f"{path}-{n}")).status == 503:
                    pass
                return answer

            answers = await shop.all(partial(give_back, n) for n in range(12))
            tally = Counter(answer.code or "200" for answer in answers)
            assert set(tally) <= {"200", "rolled_back_already", "return_exceeds"}
            assert [answer.status for answer in answers[10:]] == [200, 200]
            event, rollbacks = await agree(shop, ledger, made["id"])
            assert remaining(event, rollbacks).is_whole
            refunded = sum(one.refund_minor for one in rollbacks)
            assert event.total_minor <= refunded <= event.order_value_minor + 300
            assert {counter for counter in _counters(event) if await ledger.used(counter)} == set()


async def test_g1_g4_two_codes_of_a_campaign_never_share_its_last_unit(stack: RunningStack, ledger: Ledger) -> None:
    """At 499 of 500 a stack of two is refused whole where all must apply, and one is applied where some may."""
    for mode, winners in (("ALL", 0), ("PARTIAL", 1)):
        async with project(stack, application_mode=mode) as shop:
            sale = await campaign(shop, discount_type="AMOUNT", discount_value=1, max_redemptions=500)
            for code in ("A", "B"):
                await voucher(shop, code=code, campaign_id=sale)
            sold = await shop.all(partial(shop.redeem, "A", f"sold-{n}") for n in range(499))
            assert {answer.status for answer in sold} == {200}
            body = stacked("A", "B", order={"amount": 50})
            answers = await shop.all(
                partial(shop.call, "POST", "/v1/redemptions", body, key=f"last-{n}") for n in range(CLIENTS)
            )
            won = [answer.json() for answer in answers if answer.status == 200]
            assert len(won) == winners
            assert [len(each["redemptions"]) for each in won] == [1] * winners
            lost = {(answer.status, answer.code) for answer in answers if answer.status != 200}
            assert lost == {(409, "limit_reached" if mode == "ALL" else "nothing_applicable")}
            await _used(ledger, f"r:{sale}", 499 + winners)
            last = await shop.redeem("B", "last")
            assert (last.status, last.code) == ((200, "") if not winners else (409, "limit_reached"))


async def _used(ledger: Ledger, counter: str, expected: int) -> None:
    async def settled() -> bool:
        return await ledger.used(counter) == expected

    await eventually(settled, f"{counter} at {expected}")


async def test_g3_one_order_asked_for_by_64_at_once_is_redeemed_once(stack: RunningStack, ledger: Ledger) -> None:
    async with project(stack, connections=64) as shop:
        for code in ("A", "B"):
            made = await voucher(shop, code=code, discount_type="AMOUNT", discount_value=1, max_redemptions=500)
        bodies = [stacked(*codes, order={"id": "ord_1", "amount": 50}) for codes in (("A", "B"), ("B", "A"))]
        answers = await shop.all(
            partial(shop.call, "POST", "/v1/redemptions", bodies[n % 2], key=f"own-{n}" if n % 4 else None)
            for n in range(64)
        )
        assert {answer.status for answer in answers} == {200}
        (first,) = {answer.json()["id"] for answer in answers}
        await _used(ledger, f"r:{made['id']}", 1)
        rollback = f"/v1/redemptions/{first}/rollback"
        await ok(await shop.call("POST", rollback, {"redeemables": ["A"]}))
        still = await ok(await shop.call("POST", "/v1/redemptions", bodies[0], key="later"))
        assert (still["id"], still["status"]) == (first, "partially_rolled_back")
        await ok(await shop.call("POST", rollback))
        answers = await shop.all(
            partial(shop.call, "POST", "/v1/redemptions", bodies[n % 2], key=f"again-{n}") for n in range(64)
        )
        (second,) = {(answer.status, answer.json()["id"]) for answer in answers}
        assert second[0] == 200
        assert second[1] != first
        await _used(ledger, f"r:{made['id']}", 1)


async def test_g1_a_stack_across_limits_per_customer(stack: RunningStack, ledger: Ledger) -> None:
    """Two customers, two codes of a campaign for one use each and three in all, raced."""
    async with project(stack, application_mode="PARTIAL") as shop:
        rules = {"discount_type": "AMOUNT", "discount_value": 1, "max_redemptions_per_customer": 3}
        sale = await campaign(shop, **rules)
        for code in ("A", "B"):
            await voucher(shop, code=code, campaign_id=sale)
        await voucher(shop, code="FREE", discount_type="AMOUNT", discount_value=1)

        def body(n: int) -> dict[str, Any]:
            return stacked("A", "B", "FREE", customer={"id": f"cust_{n % 2}"}, order={"amount": 50})

        answers = await shop.all(
            partial(shop.call, "POST", "/v1/redemptions", body(n), key=f"c-{n}") for n in range(CLIENTS)
        )
        assert {answer.status for answer in answers} == {200}, "FREE always goes"
        taken: Counter[str] = Counter()
        for answer in answers:
            said = answer.json()
            taken[said["customer_id"]] += sum(one["redeemable"] != "FREE" for one in said["redemptions"])
            assert {one["code"] for one in said["redeemables"]} <= {None, "customer_limit_reached"}
        assert taken == {"cust_0": 3, "cust_1": 3}, "sold to the last unit, and not one more"
        for customer in taken:
            await _used(ledger, f"u:{sale}:{customer}", 3)
        await _used(ledger, f"r:{sale}", 6)


async def test_g1_a_first_order_is_the_first_once(stack: RunningStack) -> None:
    """Of a customer's orders, all at once, one is the first; who asks for nothing of the kind does not mind."""
    async with project(stack, application_mode="PARTIAL") as shop:
        rule = {"name": "First", "rule": {"customer.first_order": {"eq": True}}}
        made = await ok(await shop.call("POST", "/v1/validation-rules", rule), 201)
        await voucher(shop, code="HELLO", discount_type="AMOUNT", discount_value=5, validation_rules=[made["id"]])
        await voucher(shop, code="ANY", discount_type="AMOUNT", discount_value=1)
        body = stacked("HELLO", "ANY", customer={"id": "new"}, order={"amount": 50})
        answers = await shop.all(
            partial(shop.call, "POST", "/v1/redemptions", body, key=f"f-{n}") for n in range(CLIENTS)
        )
        assert {answer.status for answer in answers} == {200}
        applied = Counter(one["redeemable"] for answer in answers for one in answer.json()["redemptions"])
        assert applied == {"HELLO": 1, "ANY": CLIENTS}


@pytest.mark.parametrize(("policy", "refund", "left"), [("keep", 225, 45), ("requalify", 220, 50)])
async def test_six_for_fifty_with_ten_percent_from_300(
    stack: RunningStack, ledger: Ledger, policy: str, refund: int, left: int
) -> None:
    """Five of six are returned: kept, each was 45; judged again, the sixth costs 50 as it does for everybody."""
    async with project(stack) as shop:
        rule = {"name": "From 300", "rule": {"order.amount": {"gte": 300}}}
        made = await ok(await shop.call("POST", "/v1/validation-rules", rule), 201)
        fields = {"discount_type": "PERCENT", "discount_value": 10, "return_policy": policy}
        await voucher(shop, code="TENTH", validation_rules=[made["id"]], **fields)
        order = {"items": [{"sku": "TEE", "quantity": 6, "price": 50}]}
        sold = await ok(await shop.call("POST", "/v1/redemptions", stacked("TENTH", order=order)))
        assert sold["order"]["total"] == 270
        five = {"items": [{"sku": "TEE", "quantity": 5}]}
        quote = await ok(await shop.call("POST", "/v1/returns/quote", {"redemption_id": sold["id"], **five}))
        path = f"/v1/redemptions/{sold['id']}/rollback"
        back = await ok(await shop.call("POST", path, five))
        assert (quote["refund"], back["refund"]) == (refund, refund)
        one = await ok(await shop.call("POST", path, {"items": [{"sku": "TEE", "quantity": 1}]}))
        assert one["refund"] == left
        await agree(shop, ledger, sold["id"])


async def test_g1_a_use_that_is_not_restored_stays_used(stack: RunningStack, ledger: Ledger) -> None:
    """The budget gets its amount back; the code's, the campaign's and the customer's use are gone."""
    async with project(stack) as shop:
        fields = {"discount_type": "AMOUNT", "discount_value": 5, "restore_on_rollback": "never"}
        sale = await campaign(shop, **fields, max_redemptions=2, max_redemptions_per_customer=1, budget=10)
        made = await voucher(shop, code="NEVER", campaign_id=sale)
        body = stacked("NEVER", customer={"id": "bob"}, order={"amount": 50})
        sold = await ok(await shop.call("POST", "/v1/redemptions", body))
        await ok(await shop.call("POST", f"/v1/redemptions/{sold['id']}/rollback"))
        used = {
            name: await ledger.used(name) for name in (f"r:{made['id']}", f"r:{sale}", f"u:{sale}:bob", f"b:{sale}")
        }
        assert list(used.values()) == [1, 1, 1, 0]
        assert (await shop.call("POST", "/v1/redemptions", body)).code == "customer_limit_reached"
        other = {**body, "customer": {"id": "eve"}}
        await ok(await shop.call("POST", "/v1/redemptions", other))
        assert (await shop.call("POST", "/v1/redemptions", {**body, "customer": {"id": "x"}})).code == "limit_reached"


async def test_g3_a_key_of_a_partial_rollback_is_not_one_of_the_whole(stack: RunningStack) -> None:
    async with project(stack) as shop:
        await voucher(shop, code="KEYED", discount_type="AMOUNT", discount_value=5)
        order = {"items": [{"sku": "TEE", "quantity": 6, "price": 50}]}
        sold = await ok(await shop.call("POST", "/v1/redemptions", stacked("KEYED", order=order)))
        path = f"/v1/redemptions/{sold['id']}/rollback"
        one, two = ({"items": [{"sku": "TEE", "quantity": units}]} for units in (1, 2))
        first = await ok(await shop.call("POST", path, one, key="once"))
        assert await ok(await shop.call("POST", path, one, key="once")) == first
        for other in (two, None, {"redeemables": ["KEYED"]}):
            assert (await shop.call("POST", path, other, key="once")).code == "idempotency_key_reused"
        assert (await shop.call("POST", path, None, key="whole")).json()["status"] == "rolled_back"
        assert (await shop.call("POST", path, None, key="whole")).json()["status"] == "rolled_back"
