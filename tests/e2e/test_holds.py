"""Reservations under contention and through losses: what is held is nobody else's, ends once, and survives."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
import redis.asyncio as aioredis

from tests.servers.factory import StackFactory
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .checkout import LOST, Answer, Checkout
from .conftest import Ledger, campaign, voucher
from .projects import project
from .test_crashes import shop_on
from .test_losing_redis import UNACCOUNTED, lose_disk_and_kill
from .test_promotions import ok
from .test_promotions import stack as stacked

CLIENTS = 32


async def reserve(shop: Checkout, session: str, *codes: str, ttl_s: int = 600, **more: Any) -> dict[str, Any]:
    """A reservation that is granted."""
    body = {"session": session, "ttl_s": ttl_s, "order": {"amount": 50}, **more}
    held: dict[str, Any] = await ok(await shop.call("POST", "/v1/reservations", stacked(*codes, **body)), 201)
    return held


async def insist(ask: Callable[[], Any]) -> Answer:
    """The answer, once there is one that says what is the case."""
    answers: list[Answer] = []

    async def known() -> bool:
        answers.append(await ask())
        return answers[-1].status not in (LOST, 502, 503, 504)

    await eventually(known, "an answer that is final", within_s=60)
    return answers[-1]


def end(shop: Checkout, held: dict[str, Any], how: str) -> Callable[[], Any]:
    """Capture, release or extend it."""
    body = {"ttl_s": 900} if how == "extend" else None
    return partial(shop.call, "POST", f"/v1/reservations/{held['id']}/{how}", body)


async def used(ledger: Ledger, counter: str, expected: int) -> None:
    async def settled() -> bool:
        return await ledger.used(counter) == expected

    await eventually(settled, f"{counter} at {expected}")


async def status(ledger: Ledger, held: dict[str, Any], expected: str) -> None:
    """The ledger comes to say this of it, and has holds of it only while it holds."""
    sql = "SELECT status FROM reservations WHERE id = $1"
    rows = "SELECT count(*) FROM reservation_holds WHERE reservation_id = $1"

    async def reached() -> bool:
        if await ledger.value(sql, held["id"]) != expected:
            return False
        return bool(await ledger.number(rows, held["id"])) == (expected == "held")

    await eventually(reached, f"the reservation {expected}")


def _ms(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)


async def test_g4_the_last_unit_is_held_until_its_time_is_over_and_then_free_at_once(
    stack: RunningStack, ledger: Ledger
) -> None:
    async with project(stack) as shop:
        made = await voucher(shop, code="LAST", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
        held = await reserve(shop, "cart_1", "LAST", ttl_s=1)
        refused: Counter[str] = Counter()
        got: list[Answer] = []

        async def somebody_gets_it() -> bool:
            answer = await shop.redeem("LAST")
            if answer.status == 200:
                got.append(answer)
                return True
            refused[answer.code] += 1
            return False

        await eventually(somebody_gets_it, "the unit that was held")
        assert set(refused) == {"limit_held"}, "it may come back, so nobody was told that it is gone"
        late_ms = _ms(got[0].json()["created_at"]) - _ms(held["expires_at"])
        assert 0 <= late_ms < 2_000
        for how, said in (("capture", "reservation_expired"), ("extend", "reservation_expired"), ("release", "")):
            assert (await end(shop, held, how)()).code == said
        shown = await ok(await shop.call("GET", f"/v1/reservations/{held['id']}"))
        assert shown["status"] == "expired"
        await used(ledger, f"r:{made['id']}", 1)


async def test_g4_one_of_32_sessions_holds_the_last_unit(stack: RunningStack) -> None:
    async with project(stack) as shop:
        await voucher(shop, code="LAST", discount_type="AMOUNT", discount_value=5, max_redemptions=1)
        body = stacked("LAST", ttl_s=600, order={"amount": 50})
        answers = await shop.all(
            partial(shop.call, "POST", "/v1/reservations", {**body, "session": f"cart_{n}"}) for n in range(CLIENTS)
        )
        assert Counter(answer.code or "201" for answer in answers) == {"201": 1, "limit_held": CLIENTS - 1}
        answers = await shop.all(partial(shop.redeem, "LAST") for _ in range(CLIENTS))
        assert {answer.code for answer in answers} == {"limit_held"}


async def test_g1_g3_a_reservation_that_32_want_to_end_ends_once(stack: RunningStack, ledger: Ledger) -> None:
    ways = ["extend", "capture", "release"]
    async with project(stack) as shop:
        for number in range(6):
            code = f"END{number}"
            made = await voucher(shop, code=code, discount_type="AMOUNT", discount_value=5, max_redemptions=1)
            held = await reserve(shop, "cart", code)
            asked = [ways[(n + number) % 3] for n in range(CLIENTS)]
            answers = await shop.all(end(shop, held, how) for how in asked)
            told: dict[str, list[Answer]] = {way: [] for way in ways}
            for how, answer in zip(asked, answers, strict=True):
                told[how].append(answer)
            said = {way: {answer.code for answer in told[way]} for way in ways}
            if said["capture"] == {""}:
                assert len({answer.json()["id"] for answer in told["capture"]}) == 1
                assert said["release"] == {"reservation_captured"}
                assert said["extend"] <= {"", "reservation_captured"}
                await status(ledger, held, "captured")
            else:
                assert said["capture"] == {"reservation_released"}
                assert {answer.json()["status"] for answer in told["release"]} == {"released"}
                assert said["extend"] <= {"", "reservation_released"}
                await status(ledger, held, "released")
            is_taken = said["capture"] == {""}
            await used(ledger, f"r:{made['id']}", int(is_taken))
            assert (await shop.redeem(code)).code == ("limit_reached" if is_taken else "")


async def test_what_a_session_has_not_used_of_its_reservation_is_given_up(stack: RunningStack, ledger: Ledger) -> None:
    """A part that is redeemed without a capture is no longer held, and the rest can be released, not captured."""
    async with project(stack) as shop:
        for code in ("USED", "LEFT"):
            await voucher(shop, code=code, discount_type="AMOUNT", discount_value=5, max_redemptions=1)
        held = await reserve(shop, "cart_1", "USED", "LEFT")
        await ok(await shop.redeem("USED", session="cart_1"))
        assert (await end(shop, held, "capture")()).code == "reservation_changed"
        assert (await end(shop, held, "extend")()).code == "reservation_changed"
        assert (await shop.redeem("LEFT")).code == "limit_held"
        for _ in range(2):
            assert (await ok(await end(shop, held, "release")()))["status"] == "released"
        await ok(await shop.redeem("LEFT"))
        await status(ledger, held, "released")


async def test_what_a_capture_leaves_out_is_free_again(stack: RunningStack, ledger: Ledger) -> None:
    """In a project that applies a part of a stack, what has been disabled since is not captured, and not kept."""
    async with project(stack, application_mode="PARTIAL") as shop:
        for code in ("TAKEN", "OUT"):
            await voucher(shop, code=code, discount_type="AMOUNT", discount_value=5, max_redemptions=1)
        held = await reserve(shop, "cart_1", "TAKEN", "OUT")
        await ok(await shop.call("POST", "/v1/vouchers/OUT/disable"))
        taken = await ok(await end(shop, held, "capture")())
        assert [one["redeemable"] for one in taken["redemptions"]] == ["TAKEN"]
        await ok(await shop.call("POST", "/v1/vouchers/OUT/enable"))
        await ok(await shop.redeem("OUT"))
        assert await ok(await end(shop, held, "capture")()) == taken
        assert (await end(shop, held, "release")()).code == "reservation_captured"
        await status(ledger, held, "captured")
        assert await ledger.quarantined() == 0


async def test_g1_a_hold_counts_for_every_limit_and_is_nobody_elses(stack: RunningStack, ledger: Ledger) -> None:
    """A campaign's budget and the customer's limit are held like the code."""
    async with project(stack) as shop:
        rules = {"discount_type": "AMOUNT", "discount_value": 5, "budget": 10, "max_redemptions_per_customer": 1}
        sale = await campaign(shop, **rules)
        for code in ("A", "B", "C"):
            await voucher(shop, code=code, campaign_id=sale)
        held = await reserve(shop, "cart_1", "A", customer={"id": "bob"})
        bob = stacked("B", customer={"id": "bob"}, order={"amount": 50})
        assert (await shop.call("POST", "/v1/redemptions", bob)).code == "limit_held"
        assert (await shop.call("POST", "/v1/reservations", {**bob, "session": "cart_1"})).code == "session_holds"
        eve = stacked("B", customer={"id": "eve"}, order={"amount": 50})
        await ok(await shop.call("POST", "/v1/redemptions", eve))
        ann = stacked("C", customer={"id": "ann"}, order={"amount": 50})
        assert (await shop.call("POST", "/v1/redemptions", ann)).code == "limit_held"
        await ok(await end(shop, held, "capture")())
        assert (await shop.call("POST", "/v1/redemptions", ann)).code == "budget_exhausted"
        assert (await shop.call("POST", "/v1/redemptions", bob)).code in ("customer_limit_reached", "budget_exhausted")
        await used(ledger, f"b:{sale}", 1_000)


async def _captured_once(shop: Checkout, ledger: Ledger, held: dict[str, Any], made: dict[str, Any]) -> None:
    """The hold stands in everybody's way but its own; 8 who capture it get one redemption."""
    assert (await insist(partial(shop.redeem, made["code"]))).code == "limit_held"
    answers = await asyncio.gather(*(insist(end(shop, held, "capture")) for _ in range(8)))
    assert {answer.status for answer in answers} == {200}, answers
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await insist(partial(shop.redeem, made["code"]))).code == "limit_reached"
    assert (await insist(end(shop, held, "release"))).code == "reservation_captured"
    await status(ledger, held, "captured")
    await used(ledger, f"r:{made['id']}", 1)
    assert await ledger.quarantined() == 0


async def _last_unit(shop: Checkout, code: str, session: str = "cart") -> tuple[dict[str, Any], dict[str, Any]]:
    made = await voucher(shop, code=code, discount_type="AMOUNT", discount_value=5, max_redemptions=1)
    return made, await reserve(shop, session, code)


@pytest.mark.slow
async def test_g1_g2_holds_survive_kill_9_of_whoever_has_to_do_with_them(stack_factory: StackFactory) -> None:
    stack = stack_factory()
    async with shop_on(stack) as (shop, ledger):
        for harm in ("valkey", "engine", "reconciler", "postgres"):
            made, held = await _last_unit(shop, f"KILL-{harm}")
            pid = stack.kill(harm)
            if harm != "reconciler":  # a capture does not wait for that one
                await asyncio.to_thread(stack.wait_for_restart, harm, pid)
            await _captured_once(shop, ledger, held, made)
            gone, given_up = await _last_unit(shop, f"BACK-{harm}")
            await ok(await insist(end(shop, given_up, "release")))
            pid = stack.kill(harm)
            assert (await insist(end(shop, given_up, "capture"))).code == "reservation_released"
            await ok(await insist(partial(shop.redeem, gone["code"])))
            await asyncio.to_thread(stack.wait_for_restart, harm, pid)


@pytest.mark.slow
async def test_g1_g2_g3_holds_are_there_in_the_epoch_after_a_flushall(stack_factory: StackFactory) -> None:
    """The engine that answered is the second copy; what was captured before stays captured, and is so once."""
    stack = stack_factory()
    async with shop_on(stack) as (shop, ledger), aioredis.Redis.from_url(stack.state.redis_url) as client:
        before, captured = await _last_unit(shop, "BEFORE", "cart_1")
        first = await ok(await end(shop, captured, "capture")())
        longer, extended = await _last_unit(shop, "LONGER", "cart_2")
        until = (await ok(await end(shop, extended, "extend")()))["expires_at"]
        made, held = await _last_unit(shop, "AFTER", "cart_3")
        await client.flushall()
        assert (await insist(end(shop, captured, "capture"))).json()["id"] == first["id"]
        await _captured_once(shop, ledger, held, made)
        assert (await insist(partial(shop.call, "GET", f"/v1/reservations/{extended['id']}"))).json()[
            "expires_at"
        ] == until
        await _captured_once(shop, ledger, extended, longer)
        await used(ledger, f"r:{before['id']}", 1)
        assert await ledger.number(UNACCOUNTED) == 0


@pytest.mark.slow
async def test_g1_what_is_held_is_captured_when_a_loss_has_been_looked_at(stack_factory: StackFactory) -> None:
    """Redis with its disk, and the engine that was the second copy: what may have been sold is withheld from captures
    too, until a person says that it was not."""
    stack = stack_factory()
    async with shop_on(stack) as (shop, ledger):
        made, held = await _last_unit(shop, "GONE")
        await status(ledger, held, "held")
        await asyncio.to_thread(lose_disk_and_kill, stack, "engine")

        async def reopened() -> bool:
            return await ledger.number(UNACCOUNTED) > 0

        await eventually(reopened, "an epoch that withholds")
        await asyncio.to_thread(stack.wait_until_serving)
        assert (await end(shop, held, "capture")()).code == "recovering"
        await asyncio.to_thread(stack.command_line, "epoch", "release")
        await _captured_once(shop, ledger, held, made)
