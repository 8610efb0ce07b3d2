"""Qualifications through the handler, on real servers: all limits honoured, nothing written, nothing missed."""

import asyncio
from functools import partial
from typing import Any

import msgspec
import pytest

from domain.rules import Rules, VoucherRow, voucher_limits
from store.database import UNAVAILABLE
from store.definitions import project_change, stage_change

from .conftest import SHARD, Shop

ORDER = {
    "id": "ord_1",
    "currency": "EUR",
    "items": [{"sku": "TEE", "quantity": 2, "price": 19.99}, {"sku": "MUG", "quantity": 1, "price": 7.50}],
}
TEN = Rules(discount_type="PERCENT", discount_value=100_000)
FIVE = Rules(discount_type="AMOUNT", discount_value=500)


def tier_id(name: str) -> str:
    """An id that reads like one, and sorts by its name."""
    return "tier_" + name.encode().hex().upper().ljust(26, "0")[:26]


async def tier(
    shop: Shop, id_: str, rules: Rules, *, campaign: str | None = None, status: str = "active", version: int = 1
) -> None:
    """A promotion tier as the control plane makes or changes it."""
    project_id = shop.account.project_id
    await shop.owner.execute(
        "INSERT INTO promotion_tiers (project_id, id, campaign_id, name, rules, status, version)"
        " VALUES ($1,$2,$3,$2,$4,$5,$6) ON CONFLICT (project_id, id) DO UPDATE"
        " SET rules=excluded.rules, status=excluded.status, version=excluded.version",
        project_id, id_, campaign, msgspec.to_builtins(rules), status, version,
    )  # fmt: skip
    row = VoucherRow(id_, project_id, id_, campaign, version, status, rules, 0, "promotion_tier")
    await stage_change(shop.owner, SHARD, project_id, "promotion_tier", id_, version, voucher_limits(row))
    await apply(shop, "promotion_tier", id_, created=version == 1)


async def apply(shop: Shop, object_: Any, id_: str, created: bool = False) -> None:
    """Have Redis know of a change."""
    served = await shop.worker.gate.enter(SHARD)
    open_tx = partial(shop.worker.database.tenant_tx, shop.account.project_id)
    assert await project_change(open_tx, served.shard.scripts, shop.account.project_id, object_, id_, created)


async def rule(shop: Shop, id_: str, canonical: dict[str, Any], version: int = 1) -> None:
    """A validation rule, likewise."""
    project_id = shop.account.project_id
    await shop.owner.execute(
        "INSERT INTO validation_rules (project_id, id, name, rule, version) VALUES ($1,$2,$2,$3,$4)"
        " ON CONFLICT (project_id, id) DO UPDATE SET rule=excluded.rule, version=excluded.version",
        project_id, id_, canonical, version,
    )  # fmt: skip
    await stage_change(shop.owner, SHARD, project_id, "rule", id_, version, ())
    await apply(shop, "rule", id_, created=version == 1)


async def ask(shop: Shop, token: str | None = None, **more: Any) -> tuple[int, Any]:
    body = {"customer": {"id": "cust_1"}, "order": ORDER, **more}
    response = await shop.call("POST", "/v1/qualifications", body, token=token)
    return response.status, msgspec.json.decode(response.body)


async def deals(shop: Shop, **more: Any) -> list[tuple[str, float]]:
    status, body = await ask(shop, **more)
    assert status == 200, body
    return [(each["id"], each["discount_applied"]) for each in body["redeemables"]]


async def test_the_call_works_as_written(shop: Shop) -> None:
    await tier(shop, tier_id("ten"), TEN)
    await tier(shop, tier_id("five"), FIVE)
    await shop.voucher("MINE", Rules(discount_type="AMOUNT", discount_value=250))
    await shop.owner.execute("UPDATE vouchers SET customer_id = 'cust_1' WHERE code = 'MINE'")
    await shop.voucher("THEIRS", FIVE)
    status, body = await ask(shop)
    assert status == 200
    assert body["redeemables"] == [
        {"object": "promotion_tier", "id": tier_id("five"), "discount_applied": 5.00, "name": tier_id("five")},
        {"object": "promotion_tier", "id": tier_id("ten"), "discount_applied": 4.75, "name": tier_id("ten")},
        {"object": "voucher", "id": "MINE", "discount_applied": 2.50},
    ]
    assert (body["has_more"], body["cursor"]) == (False, None)
    best = body["best_stack"]
    assert [each["id"] for each in best["redeemables"]] == [tier_id("ten"), tier_id("five"), "MINE"]
    assert (best["discount_applied"], best["total"], best["is_optimal"]) == (12.25, 35.23, True)
    stack = [{"object": each["object"], "id": each["id"]} for each in best["redeemables"]]
    response = await shop.call(
        "POST", "/v1/redemptions", {"redeemables": stack, "customer": {"id": "cust_1"}, "order": ORDER}
    )
    redeemed = msgspec.json.decode(response.body)
    assert (response.status, redeemed["order"]["discount_applied"]) == (200, 12.25)


async def test_a_publishable_key_sees_tiers_and_nothing_of_a_customers_own(shop: Shop) -> None:
    await tier(shop, tier_id("five"), FIVE)
    await shop.voucher("MINE", FIVE)
    await shop.owner.execute("UPDATE vouchers SET customer_id = 'cust_1' WHERE code = 'MINE'")
    assert {name for name, _ in await deals(shop)} == {tier_id("five"), "MINE"}
    assert await deals(shop, token=shop.account.publishable_key) == [(tier_id("five"), 5.00)]


async def test_g6_what_an_admin_changes_is_seen_by_the_next_call(shop: Shop) -> None:
    assert await deals(shop) == []
    await tier(shop, tier_id("a"), FIVE)
    assert await deals(shop) == [(tier_id("a"), 5.00)]
    await tier(shop, tier_id("a"), TEN, version=2)
    assert await deals(shop) == [(tier_id("a"), 4.75)]
    await rule(shop, "rul_1", {"order.amount": {"gte": 100_000}})
    await tier(shop, tier_id("a"), msgspec.structs.replace(TEN, validation_rules=("rul_1",)), version=3)
    assert await deals(shop) == []
    await rule(shop, "rul_1", {"order.amount": {"gte": 1_000}}, version=2)
    assert await deals(shop) == [(tier_id("a"), 4.75)]
    await tier(shop, tier_id("a"), FIVE, status="disabled", version=4)
    assert await deals(shop) == []


async def test_g6_so_it_is_with_its_campaign(shop: Shop) -> None:
    ten = msgspec.structs.replace(TEN, expires_ms=1)
    await shop.campaign("cmp_1", ten)
    await tier(shop, tier_id("a"), Rules(), campaign="cmp_1")
    assert await deals(shop) == []
    await shop.campaign("cmp_1", TEN, version=2)
    await apply(shop, "campaign", "cmp_1")
    assert await deals(shop) == [(tier_id("a"), 4.75)]
    await shop.campaign("cmp_1", TEN, status="paused", version=3)
    await apply(shop, "campaign", "cmp_1")
    assert await deals(shop) == []


async def test_g6_so_it_is_where_the_index_cannot_tell(shop: Shop) -> None:
    """What was refused by a definition that is cached here, and found all the same, is refused by the newest."""
    nothing = Rules(discount_type="PERCENT", discount_value=0)
    await shop.campaign("cmp_1", nothing)
    await rule(shop, "rul_1", {"metadata.a": {"exists": True}})
    await tier(shop, tier_id("a"), nothing)
    await tier(shop, tier_id("b"), msgspec.structs.replace(FIVE, validation_rules=("rul_1",)))
    await tier(shop, tier_id("c"), Rules(), campaign="cmp_1")
    assert await deals(shop) == []
    served = await shop.worker.gate.enter(SHARD)
    assert len(served.qualifying.of(shop.account.project_id).index) == 3
    await tier(shop, tier_id("a"), FIVE, version=2)
    await rule(shop, "rul_1", {"metadata.a": {"exists": False}}, version=2)
    await shop.campaign("cmp_1", TEN, version=2)
    await apply(shop, "campaign", "cmp_1")
    assert await deals(shop) == [(tier_id("a"), 5.00), (tier_id("b"), 5.00), (tier_id("c"), 4.75)]


async def test_g6_so_it_is_with_the_customer_and_the_products(shop: Shop) -> None:
    await rule(shop, "rul_gold", {"customer.segment": {"in": ["gold"]}})
    await rule(shop, "rul_tops", {"order.items": {"any": {"category": {"eq": "tops"}}}})
    await tier(shop, tier_id("gold"), msgspec.structs.replace(FIVE, validation_rules=("rul_gold",)))
    await tier(shop, tier_id("tops"), msgspec.structs.replace(TEN, validation_rules=("rul_tops",)))
    assert await deals(shop) == []
    project_id = shop.account.project_id
    await shop.owner.execute(
        "INSERT INTO customers (project_id, id, segments, version) VALUES ($1, 'cust_1', '{gold}', 2)", project_id
    )
    await apply(shop, "customer", "cust_1")
    await shop.owner.execute(
        "INSERT INTO products (project_id, id, categories, version) VALUES ($1, 'TEE', '{tops}', 2)", project_id
    )
    await apply(shop, "product", "TEE")
    assert await deals(shop) == [(tier_id("gold"), 5.00), (tier_id("tops"), 4.75)]
    await shop.owner.execute("UPDATE customers SET segments = '{}', version = 3 WHERE id = 'cust_1'")
    await apply(shop, "customer", "cust_1")
    assert await deals(shop) == [(tier_id("tops"), 4.75)]


async def test_g1_what_a_limit_would_refuse_is_not_shown(shop: Shop) -> None:
    await tier(shop, tier_id("once"), msgspec.structs.replace(FIVE, max_redemptions=1))
    await tier(shop, tier_id("per_customer"), msgspec.structs.replace(TEN, max_redemptions_per_customer=1))
    await tier(shop, tier_id("budget"), msgspec.structs.replace(TEN, budget_minor=100))
    assert await deals(shop) == [(tier_id("once"), 5.00), (tier_id("per_customer"), 4.75)]
    taken = [{"object": "promotion_tier", "id": each} for each in (tier_id("once"), tier_id("per_customer"))]
    response = await shop.call(
        "POST", "/v1/redemptions", {"redeemables": taken, "customer": {"id": "cust_1"}, "order": ORDER}
    )
    assert response.status == 200, response.body
    status, body = await ask(shop)
    assert (status, body["code"]) == (503, "ledger_lagging"), "nobody confirms here: it may still come back"


@pytest.mark.parametrize("mode", ["ALL", "PARTIAL"])
async def test_the_best_stack_is_sought_again_without_what_a_limit_refuses(shop: Shop, mode: str) -> None:
    await shop.owner.execute(
        "INSERT INTO project_settings (project_id, settings, version) VALUES ($1, $2, 2)",
        *(shop.account.project_id, {"mode": mode}),
    )
    await shop.campaign("cmp_1", Rules(discount_type="AMOUNT", discount_value=300, budget_minor=500))
    for each in (tier_id("a"), tier_id("b")):
        await tier(shop, each, Rules(), campaign="cmp_1")
    await tier(shop, tier_id("c"), msgspec.structs.replace(FIVE, budget_minor=100))
    await tier(shop, tier_id("d"), TEN)
    status, body = await ask(shop)
    assert status == 200
    assert [each["id"] for each in body["redeemables"]] == [tier_id("d"), tier_id("a"), tier_id("b")]
    best = body["best_stack"]
    assert len(best["redeemables"]) == 2
    assert (best["discount_applied"], best["is_optimal"]) == (7.75, False)


async def test_pages_go_on_where_the_last_one_ended(shop: Shop) -> None:
    for number in range(7):
        await tier(shop, tier_id(str(number)), Rules(discount_type="AMOUNT", discount_value=100 + number // 2))
    _, body = await ask(shop, limit=3)
    seen = [each["id"] for each in body["redeemables"]]
    assert body["has_more"]
    assert "best_stack" in body
    while body["has_more"]:
        _, body = await ask(shop, limit=3, cursor=body["cursor"])
        seen += [each["id"] for each in body["redeemables"]]
        assert "best_stack" not in body
    assert seen == [tier_id(each) for each in "6452301"]
    _, body = await ask(shop, best_stack=False)
    assert "best_stack" not in body


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"cursor": "!"}, "/cursor"),
        ({"cursor": "bm8"}, "/cursor"),
        ({"limit": 0}, "/limit"),
        ({"limit": 101}, "/limit"),
        ({"best_stack": {"time_ms": 1001}}, "/best_stack/time_ms"),
        ({"best_stack": {"include": ["voucher"]}}, "/best_stack/include/0"),
        ({"points": 3}, "/points"),
        ({"order": {}}, "/order/items"),
        ({"customer": {"id": "cust_1", "segments": ["gold"]}}, "/customer"),
        ({"redeemables": []}, "/redeemables"),
    ],
)
async def test_what_does_not_hold_is_named(shop: Shop, more: dict[str, Any], pointer: str) -> None:
    status, body = await ask(shop, **more)
    assert (status, body["code"], body["errors"][0]["pointer"]) == (422, "invalid_request", pointer)


async def test_many_callers_at_once_get_one_index(shop: Shop) -> None:
    for number in range(30):
        await tier(shop, tier_id(f"{number:02}"), Rules(discount_type="AMOUNT", discount_value=100 + number))
    answers = await asyncio.gather(*(deals(shop, limit=100) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0]) == 30
    served = await shop.worker.gate.enter(SHARD)
    assert len(served.qualifying.of(shop.account.project_id).index) == 30


async def test_half_an_index_is_thrown_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await tier(shop, tier_id("a"), FIVE)
    served = await shop.worker.gate.enter(SHARD)
    tiers = served.qualifying.of(shop.account.project_id)

    async def fails(*_: Any) -> None:
        raise UNAVAILABLE[0]

    with monkeypatch.context() as patched:
        patched.setattr(tiers, "_place", fails)
        assert (await ask(shop))[0] == 503
    assert await deals(shop) == [(tier_id("a"), 5.00)]
