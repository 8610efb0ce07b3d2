"""Gift cards and loyalty cards in the checkout: spent to the last unit, never past it, whatever is killed meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import Answer, Checkout
from .conftest import Ledger, voucher
from .projects import project

CENT = Decimal("0.01")


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Checkout]:
    """A project of the test's own, with 64 connections."""
    async with project(stack, connections=64, no_effect="REFUSE") as checkout:
        yield checkout


async def made(shop: Checkout, path: str, body: Any) -> dict[str, Any]:
    """What a POST has created."""
    answer = await shop.call("POST", path, body)
    assert answer.status in (200, 201), answer
    shown: dict[str, Any] = answer.json()
    return shown


async def card(shop: Checkout, amount: float, **more: Any) -> str:
    """The code of a new gift card."""
    return str((await made(shop, "/v1/gift-cards", {"amount": amount, **more}))["code"])


async def shown(shop: Checkout, path: str) -> dict[str, Any]:
    answer = await shop.call("GET", path)
    assert answer.status == 200, answer
    body: dict[str, Any] = answer.json()
    return body


async def balance(shop: Checkout, code: str) -> Decimal:
    return Decimal(str((await shown(shop, f"/v1/gift-cards/{code}"))["balance"]))


async def entries_sum(ledger: Ledger, code: str) -> tuple[int, int]:
    """What the card's rows come to, and the balance that stands beside them."""
    flow = (
        "SELECT coalesce(sum(CASE WHEN to_account = 'card' THEN amount_minor ELSE -amount_minor END), 0)::bigint"
        " FROM gift_card_entries e JOIN gift_cards c ON c.project_id = e.project_id AND c.id = e.card_id"
        " WHERE c.code = $1"
    )
    stands = "SELECT balance_minor FROM gift_cards WHERE code = $1"
    return await ledger.number(flow, code), await ledger.number(stands, code)


async def counters_of(ledger: Ledger, code: str) -> int:
    used = (
        "SELECT k.used FROM counters k JOIN gift_cards c ON c.project_id = k.project_id AND k.id = 'a:' || c.id"
        " WHERE c.code = $1"
    )
    return await ledger.number(used, code)


@asynccontextmanager
async def killing(stack: RunningStack, names: list[str], done: list[int], total: int) -> AsyncIterator[None]:
    """Kill these processes one after the other, each when some more has been answered."""

    async def kill() -> None:
        for number, name in enumerate(names, start=1):
            share = total * number // (len(names) + 1)

            async def reached(share: int = share) -> bool:
                return len(done) >= share

            await eventually(reached, f"{share} answers", within_s=90)
            pid = stack.kill(name)
            await asyncio.to_thread(stack.wait_for_restart, name, pid)

    killer = asyncio.create_task(kill())
    yield
    await killer


@pytest.mark.parametrize("harm", [[], ["engine", "reconciler", "engine"]], ids=["in peace", "with kill -9"])
async def test_g1_g2_g4_a_card_of_fifty_is_spent_by_64_clients_to_the_last_cent_that_goes(
    stack_factory: StackFactory, harm: list[str]
) -> None:
    stack = stack_factory()
    async with Checkout(stack.state.api_url, stack.state.secret_key, 64, timeout_s=30) as shop:
        ledger = Ledger(stack.state.database_url)
        code = await card(shop, 50)
        done: list[int] = []

        async def spend(number: int) -> Answer:
            answer = await shop.insist(code, f"spend-{number}", within_s=60, order_value=30, amount=0.37)
            done.append(number)
            return answer

        async with killing(stack, harm, done, 200):
            answers = await shop.all([partial(spend, number) for number in range(200)])
        granted = [answer.json() for answer in answers if answer.status == 200]
        assert Counter(answer.code for answer in answers) == {"": 135, "insufficient_balance": 65}
        assert {each["amount_applied"] for each in granted} == {0.37}
        assert {each["total"] for each in granted} == {29.63}
        # Every balance was that of one moment: no two of them are the same.
        assert sorted(each["balance"] for each in granted) == [
            float(5 * CENT + number * 37 * CENT) for number in range(135)
        ]
        assert await balance(shop, code) == 5 * CENT
        assert await entries_sum(ledger, code) == (5, 5)
        assert await counters_of(ledger, code) == 135 * 37
        spent = f"/v1/gift-cards/{code}/transactions?limit=100"
        page = await shown(shop, spent)
        assert page["next_cursor"] is not None, "136 entries"
        assert await ledger.quarantined() == 0


async def test_g1_g3_top_ups_and_spends_at_random_lose_and_find_not_a_cent(shop: Checkout, ledger: Ledger) -> None:
    choose = random.Random(20261122)
    code = await card(shop, 5)
    funded, spent = [500], [0]

    async def top_up(number: int, cents: int) -> Answer:
        answer = await shop.call("POST", f"/v1/gift-cards/{code}/top-up", {"amount": cents / 100}, key=f"top-{number}")
        assert answer.status == 200, answer
        funded[0] += cents
        return answer

    async def spend(number: int, cents: int | None) -> Answer:
        body = {"order_value": 4} if cents is None else {"order_value": 40, "amount": cents / 100}
        answer = await shop.insist(code, f"spend-{number}", **body)
        assert answer.status == 200 or answer.code in ("insufficient_balance", "contended"), answer
        if answer.status == 200:
            spent[0] += round(answer.json()["amount_applied"] * 100)
            again = await shop.insist(code, f"spend-{number}", **body)
            assert again.body == answer.body, "a replay is the first answer, its balance too"
        return answer

    work: list[Any] = [partial(top_up, number, choose.randrange(1, 400)) for number in range(40)]
    work += [partial(spend, number, choose.choice([None, choose.randrange(1, 300)])) for number in range(160)]
    choose.shuffle(work)
    await shop.all(work)
    left = funded[0] - spent[0]
    assert left >= 0
    assert await balance(shop, code) == left * CENT
    assert await entries_sum(ledger, code) == (left, left)
    last = await shop.redeem(code, order_value=10_000)
    if left:
        assert (last.status, Decimal(str(last.json()["amount_applied"]))) == (200, left * CENT)
    assert (await shop.redeem(code, order_value=10)).code == "insufficient_balance"


async def test_refunds_in_any_number_of_parts_restore_the_card(shop: Checkout, ledger: Ledger) -> None:
    choose = random.Random(7)
    await voucher(shop, code="TENTH", discount_type="PERCENT", discount_value=10)
    for attempt in range(6):
        items = [
            {"sku": f"S{n}", "quantity": choose.randrange(1, 4), "price": choose.randrange(1, 3000) / 100}
            for n in range(4)
        ]
        code = await card(shop, choose.randrange(500, 5000) / 100)
        before = await balance(shop, code)
        body = {
            "redeemables": [{"object": "voucher", "id": "TENTH"}, {"object": "gift_card", "id": code}],
            "order": {"items": items, "shipping": 4.9},
        }
        redeemed = await made(shop, "/v1/redemptions", body)
        paid = next(each for each in redeemed["redemptions"] if each["redeemable_object"] == "gift_card")
        assert Decimal(str(paid["balance"])) == before - Decimal(str(paid["amount_applied"]))
        units = [item["sku"] for item in items for _ in range(int(str(item["quantity"])))]
        choose.shuffle(units)
        refunded = to_card = Decimal(0)
        for sku in units[: len(units) - attempt % 2]:
            back = await shop.call(
                "POST",
                f"/v1/redemptions/{redeemed['id']}/rollback",
                {"items": [{"sku": sku, "quantity": 1}]},
            )
            assert back.status == 200, back
            refunded += Decimal(str(back.json()["refund"]))
            to_card += Decimal(str(back.json()["gift_card_refund"]))
            assert await balance(shop, code) == before - Decimal(str(paid["amount_applied"])) + to_card
        whole = await shop.call("POST", f"/v1/redemptions/{redeemed['id']}/rollback", {})
        if attempt % 2:
            assert Decimal(str(whole.json()["refunded"])) > refunded
            refunded = Decimal(str(whole.json()["refunded"]))
        assert await balance(shop, code) == before
        assert refunded == Decimal(str(redeemed["order"]["total"])), "the rest is paid back in money"
        assert len(set(await entries_sum(ledger, code))) == 1


async def test_g1_g4_a_stack_of_all_kinds_raced_for_the_last_unit_has_one_winner(
    shop: Checkout, ledger: Ledger
) -> None:
    tier = await made(shop, "/v1/promotion-tiers", {"name": "Five off", "discount_type": "AMOUNT", "discount_value": 5})
    await voucher(shop, code="LASTONE", discount_type="PERCENT", discount_value=20, max_redemptions=1)
    gift = await card(shop, 500)
    program = await made(shop, "/v1/loyalty-programs", {"name": "Stars", "spending": {"points": 100, "amount": 1}})
    star = await made(shop, f"/v1/loyalty-programs/{program['id']}/cards", {"customer_id": "cust_1"})
    await made(shop, f"/v1/loyalty-cards/{star['code']}/adjust", {"points": 50_000, "reason": "welcome"})
    body = {
        "customer": {"id": "cust_1"},
        "order_value": 100,
        "redeemables": [
            {"object": "promotion_tier", "id": tier["id"]},
            {"object": "voucher", "id": "LASTONE"},
            {"object": "gift_card", "id": gift, "amount": 10},
            {"object": "loyalty_card", "id": star["code"], "points": 200},
        ],
    }
    answers = await shop.all([partial(shop.call, "POST", "/v1/redemptions", body, key=f"race-{n}") for n in range(32)])
    assert Counter(answer.code for answer in answers) == {"": 1, "limit_reached": 31}
    won = next(answer.json() for answer in answers if answer.status == 200)
    assert {each["object"]: each["status"] for each in won["redeemables"]} == dict.fromkeys(
        ["promotion_tier", "voucher", "gift_card", "loyalty_card"], "applicable"
    )
    # 100 - 5, a fifth of that off, 200 points are 2.00 off, and 10 are paid by the card.
    assert won["order"]["discount_applied"] == 5 + 19 + 2
    assert won["order"]["gift_card_amount"] == 10
    assert won["order"]["total"] == 64
    assert await balance(shop, gift) == 490
    points = (await shown(shop, f"/v1/loyalty-cards/{star['code']}"))["points"]
    assert points == 49_800
    assert await ledger.used(f"r:{tier['id']}") == 1
    assert await counters_of(ledger, gift) == 1000


async def test_g3_a_card_is_held_captured_and_released_like_a_code(shop: Checkout) -> None:
    code = await card(shop, 20)
    held = await made(
        shop,
        "/v1/reservations",
        {"session": "cart-1", "order_value": 15, "redeemables": [{"object": "gift_card", "id": code}]},
    )
    other = await shop.redeem(code, order_value=10, amount=6)
    assert (other.status, other.code) == (409, "limit_held")
    assert (await shop.redeem(code, order_value=30)).json()["amount_applied"] == 5
    captured = await shop.call("POST", f"/v1/reservations/{held['id']}/capture", {})
    assert captured.status == 200, captured
    assert captured.json()["redemptions"][0]["amount_applied"] == 15
    assert await balance(shop, code) == 0


@pytest.mark.parametrize("amount", [50, 45])
async def test_g4_what_was_held_of_a_card_is_spent_once_its_time_is_over(shop: Checkout, amount: int) -> None:
    """Also where no amount is asked: as much as the order needs, not what the hold had left of it."""
    code, watched = (
        await card(shop, 50),
        await voucher(shop, discount_type="AMOUNT", discount_value=1, max_redemptions=1),
    )
    redeemables = [{"object": "gift_card", "id": code, "amount": amount}, {"id": watched["code"]}]
    body = {"session": "cart-1", "ttl_s": 1, "order_value": 60, "redeemables": redeemables}
    await made(shop, "/v1/reservations", body)

    async def is_over() -> bool:  # seen by the voucher, because asking for the card would free what is held of it
        return (await shop.redeem(watched["code"], order_value=1)).status == 200

    await eventually(is_over, "the end of what was held")
    answer = await shop.redeem(code, order_value=30)
    assert (answer.status, answer.json()["amount_applied"]) == (200, 30)
    assert await balance(shop, code) == 20


async def test_g1_g4_spent_without_an_amount_a_card_gives_all_that_it_has(shop: Checkout, ledger: Ledger) -> None:
    code = await card(shop, 50)
    answers = await shop.all([partial(shop.insist, code, f"all-{n}", order_value=3.7) for n in range(64)])
    applied = [Decimal(str(answer.json()["amount_applied"])) for answer in answers if answer.status == 200]
    assert sum(applied) == 50
    assert Counter(answer.code for answer in answers if answer.status != 200) == {"insufficient_balance": 50}
    assert sorted(applied) == [Decimal("1.9"), *[Decimal("3.7")] * 13]
    assert await entries_sum(ledger, code) == (0, 0)
