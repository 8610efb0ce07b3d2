"""What the engine refuses for what a checkout asks, one provocation for each code."""

from collections.abc import Awaitable, Callable
from functools import partial

import httpx

from tests.control_plane.client import created, ok
from tests.servers.waiting import eventually

from .provoking import Shop, provokes, unique, wish

ITEMS = {"items": [{"sku": "TEE", "quantity": 2, "price": 50}]}
LAST_YEAR, NEXT_YEAR = "2020-01-01T00:00:00Z", "2090-01-01T00:00:00Z"


async def judged(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The answer once no unit is unconfirmed any more: until then nothing is known to be used up."""

    answers: list[httpx.Response] = []

    async def is_final() -> bool:
        answers.append(await ask())
        return answers[-1].status_code != 503

    await eventually(is_final, "the ledger")
    return answers[-1]


@provokes()
async def limit_reached(shop: Shop) -> httpx.Response:
    code = await shop.voucher(max_redemptions=1)
    ok(await shop.redeem(code))
    return await judged(partial(shop.redeem, code))


@provokes()
async def limit_held(shop: Shop) -> httpx.Response:
    code = await shop.voucher(max_redemptions=1)
    await shop.held(code)
    return await shop.redeem(code)


@provokes()
async def customer_limit_reached(shop: Shop) -> httpx.Response:
    code = await shop.voucher(max_redemptions_per_customer=1)
    ask = partial(shop.redeem, code, customer={"id": "bob"})
    ok(await ask())
    return await judged(ask)


@provokes()
async def budget_exhausted(shop: Shop) -> httpx.Response:
    code = await shop.voucher(budget=7)
    ok(await shop.redeem(code))
    return await judged(partial(shop.redeem, code))


@provokes()
async def campaign_paused(shop: Shop) -> httpx.Response:
    rules = {"discount_type": "AMOUNT", "discount_value": 5}
    campaign = created(await shop.post("/v1/campaigns", {"name": "Sale", "rules": rules}))["id"]
    code = created(await shop.post("/v1/vouchers", {"campaign_id": campaign, "code": unique("E")}))["code"]
    ok(await shop.post(f"/v1/campaigns/{campaign}/pause"))
    return await shop.redeem(code)


@provokes()
async def campaign_not_active(shop: Shop) -> httpx.Response:
    rules = {"discount_type": "AMOUNT", "discount_value": 5}
    draft = created(await shop.post("/v1/campaigns", {"name": "Sale", "rules": rules, "status": "draft"}))["id"]
    code = created(await shop.post("/v1/vouchers", {"campaign_id": draft, "code": unique("E")}))["code"]
    return await shop.redeem(code)


@provokes()
async def transition_not_allowed(shop: Shop) -> httpx.Response:
    draft = created(await shop.post("/v1/campaigns", {"name": "Sale", "status": "draft"}))["id"]
    return await shop.post(f"/v1/campaigns/{draft}/pause")


@provokes()
async def archived(shop: Shop) -> httpx.Response:
    code = await shop.voucher()
    assert (await shop.secret.delete(f"/v1/vouchers/{code}")).status_code == 204
    return await shop.patch(f"/v1/vouchers/{code}", {"max_redemptions": 5})


@provokes()
async def rule_in_use(shop: Shop) -> httpx.Response:
    rule = await shop.rule({"order.amount": {"gte": 500}})
    await shop.voucher(validation_rules=[rule])
    return await shop.secret.delete(f"/v1/validation-rules/{rule}")


@provokes()
async def card_not_empty(shop: Shop) -> httpx.Response:
    card = created(await shop.post("/v1/gift-cards", {"amount": 5}))["code"]
    return await shop.secret.delete(f"/v1/gift-cards/{card}")


@provokes()
async def voucher_disabled(shop: Shop) -> httpx.Response:
    code = await shop.voucher()
    ok(await shop.post(f"/v1/vouchers/{code}/disable"))
    return await shop.redeem(code)


@provokes()
async def voucher_expired(shop: Shop) -> httpx.Response:
    return await shop.redeem(await shop.voucher(expires_at=LAST_YEAR))


@provokes()
async def voucher_not_started(shop: Shop) -> httpx.Response:
    return await shop.redeem(await shop.voucher(starts_at=NEXT_YEAR))


@provokes()
async def rule_not_met(shop: Shop) -> httpx.Response:
    rule = await shop.rule({"order.amount": {"gte": 500}})
    return await shop.redeem(await shop.voucher(validation_rules=[rule]))


@provokes()
async def rule_limit_reached(shop: Shop) -> httpx.Response:
    rule = await shop.rule({"redemptions.total.day": {"lte": 1}})
    code = await shop.voucher(validation_rules=[rule])
    ok(await shop.redeem(code))
    return await judged(partial(shop.redeem, code))


@provokes()
async def no_effect(shop: Shop) -> httpx.Response:
    return await shop.redeem(await shop.voucher(), order={"amount": 0})


@provokes()
async def nothing_applicable(shop: Shop) -> httpx.Response:
    some = await shop.project(application_mode="PARTIAL")
    return await some.redeem("NOSUCH", "NOSUCHEITHER")


@provokes(of_part=True)
async def stack_full(shop: Shop) -> httpx.Response:
    some = await shop.project(max_applied=1)
    return await some.redeem(await some.voucher(), await some.voucher())


@provokes(of_part=True)
async def stack_excluded(shop: Shop) -> httpx.Response:
    some = await shop.project(exclusive_categories=["alone"])
    return await some.redeem(await some.voucher(category="alone"), await some.voucher(category="other"))


@provokes(of_part=True)
async def stack_refused(shop: Shop) -> httpx.Response:
    return await shop.redeem(await shop.voucher(), "NOSUCH")


@provokes("/items/0/quantity")
async def return_exceeds(shop: Shop) -> httpx.Response:
    redeemed = ok(await shop.redeem(await shop.voucher(), order=ITEMS))["id"]
    return await shop.post(f"/v1/redemptions/{redeemed}/rollback", {"items": [{"sku": "TEE", "quantity": 3}]})


@provokes()
async def rolled_back_already(shop: Shop) -> httpx.Response:
    code = await shop.voucher()
    path = f"/v1/redemptions/{ok(await shop.redeem(code, order=ITEMS))['id']}/rollback"
    ok(await shop.post(path))
    return await shop.post(path, {"redeemables": [code]})


@provokes()
async def reservation_expired(shop: Shop) -> httpx.Response:
    path = await shop.held(await shop.voucher(max_redemptions=1), ttl_s=1)

    async def expired() -> bool:
        return bool(ok(await shop.get(path))["status"] == "expired")

    await eventually(expired, "the end of the reservation's time")
    return await shop.post(f"{path}/capture")


@provokes()
async def reservation_released(shop: Shop) -> httpx.Response:
    path = await shop.held(await shop.voucher(max_redemptions=1))
    ok(await shop.post(f"{path}/release"))
    return await shop.post(f"{path}/extend", {"ttl_s": 60})


@provokes()
async def reservation_captured(shop: Shop) -> httpx.Response:
    path = await shop.held(await shop.voucher(max_redemptions=1))
    ok(await shop.post(f"{path}/capture"))
    return await shop.post(f"{path}/release")


@provokes()
async def reservation_changed(shop: Shop) -> httpx.Response:
    code = await shop.voucher(max_redemptions=2)
    path = await shop.held(code, customer={"id": "bob"})
    ok(await shop.patch(f"/v1/vouchers/{code}", {"max_redemptions_per_customer": 1}))
    return await shop.post(f"{path}/capture")


@provokes()
async def session_holds(shop: Shop) -> httpx.Response:
    code, session = await shop.voucher(max_redemptions=5), unique("s")
    await shop.held(code, session=session)
    return await shop.reserve(code, session=session)


@provokes()
async def ledger_refused(shop: Shop) -> httpx.Response:
    code = await shop.voucher(durability="committed", max_redemptions=5)
    ok(await shop.redeem(code))
    counter = f"r:{ok(await shop.get(f'/v1/vouchers/{code}'))['id']}"
    assert await shop.owner.execute("UPDATE counters SET granted = ceiling WHERE id = $1", counter) == "UPDATE 1"
    return await shop.redeem(code)


@provokes("/order/items/0/price")
async def invalid_request(shop: Shop) -> httpx.Response:
    return await shop.redeem("ANY", order={"items": [{"sku": "TEE", "price": -1}]})


@provokes()
async def customer_required(shop: Shop) -> httpx.Response:
    return await shop.redeem(await shop.voucher(max_redemptions_per_customer=1))


@provokes("/order/currency")
async def currency_mismatch(shop: Shop) -> httpx.Response:
    return await shop.redeem("ANY", order={"amount": 1, "currency": "USD"})


@provokes()
async def idempotency_key_reused(shop: Shop) -> httpx.Response:
    code, key = await shop.voucher(), unique("k")
    ok(await shop.redeem(code, key=key))
    return await shop.redeem(code, key=key, order={"amount": 1})


@provokes()
async def rate_limited(shop: Shop) -> httpx.Response:
    small = shop.account("free")
    for number in range(200):
        answer = await small.redeem(f"GUESS{number}")
        if answer.status_code != 404:
            break
    return answer


@provokes()
async def voucher_not_found(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/redemptions", wish("NOSUCH"))
