"""What a discount is on, what it adds, whom it is for: over HTTP, and as decisions read it."""

from typing import Any

import msgspec
import pytest

from domain.definitions import (
    AddedUnit,
    Campaign,
    Discount,
    Redeemable,
    Scope,
    Selection,
    campaign_key,
    voucher_key,
)
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import NewTenancy

EMPTY: dict[str, list[str]] = {"products": [], "skus": [], "categories": [], "collections": []}
SCOPE = {
    "target": "cheapest",
    "units": 2,
    "include": {"categories": ["shirts", "mugs", "shirts"]},
    "exclude": {"skus": ["TEE-XL"]},
    "max_per_unit": 5,
}


async def voucher_in_redis(scripts: Scripts, tenancy: Tenancy, code: str) -> Redeemable:
    _, _, found = await scripts.peek(tenancy.project_id, [voucher_key(tenancy.project_id, code)])
    assert found[0] is not None
    return msgspec.msgpack.decode(found[0].body, type=Redeemable)


async def test_201_a_discount_on_some_items(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    body = {"code": "A", "discount_type": "PERCENT", "discount_value": 20, "max_discount": 30, "applies_to": SCOPE}
    voucher = created(await api.post("/v1/vouchers", body))
    assert voucher["applies_to"] == {
        "target": "cheapest",
        "units": 2,
        "nth": None,
        "include": {**EMPTY, "categories": ["shirts", "mugs"]},
        "exclude": {**EMPTY, "skus": ["TEE-XL"]},
        "max_per_unit": 5.00,
    }
    scope = Scope(
        "cheapest",
        units=2,
        include=Selection(categories=("shirts", "mugs")),
        exclude=Selection(skus=("TEE-XL",)),
        max_per_unit_minor=500,
    )
    found = await voucher_in_redis(scripts, tenancy, "A")
    assert found.discount == Discount("PERCENT", 200_000, 3_000, scope)
    assert ok(await api.get("/v1/vouchers/A")) == voucher


async def test_applies_to_is_set_and_removed_as_a_whole(api: Client) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", "discount_value": 20, "applies_to": SCOPE}))
    body = ok(await api.patch("/v1/vouchers/A", {"discount_value": 10}))
    assert body["applies_to"]["target"] == "cheapest"
    body = ok(await api.patch("/v1/vouchers/A", {"applies_to": {"target": "from_nth", "nth": 3}}))
    assert body["applies_to"] == {
        "target": "from_nth",
        "units": None,
        "nth": 3,
        "include": EMPTY,
        "exclude": EMPTY,
        "max_per_unit": None,
    }
    assert ok(await api.patch("/v1/vouchers/A", {"applies_to": None}))["applies_to"] is None


async def test_201_units_free_and_added(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    free = {"code": "FREE", "discount_type": "UNIT", "discount_value": 2, "applies_to": {"target": "items"}}
    voucher = created(await api.post("/v1/vouchers", free))
    assert (voucher["discount_type"], voucher["discount_value"]) == ("UNIT", 2)
    added = {"code": "GIFT", "discount_type": "UNIT", "discount_value": 1, "added_unit": {"price": 7.5, "sku": "MUG"}}
    voucher = created(await api.post("/v1/vouchers", added))
    assert voucher["added_unit"] == {"price": 7.5, "product_id": None, "sku": "MUG"}
    found = await voucher_in_redis(scripts, tenancy, "GIFT")
    assert found.discount == Discount("UNIT", 1, None, None, AddedUnit(750, None, "MUG"))
    assert_problem(await api.patch("/v1/vouchers/GIFT", {"discount_type": "AMOUNT", "discount_value": 1}),
                   "invalid_request", "/added_unit")  # fmt: skip
    body = {"discount_type": "AMOUNT", "discount_value": 1, "added_unit": None}
    assert ok(await api.patch("/v1/vouchers/GIFT", body))["added_unit"] is None


async def test_a_campaigns_voucher_that_gives_its_discount_up_gives_up_its_scope(api: Client) -> None:
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": {"discount_value": 20}}))
    body = {"campaign_id": campaign["id"], "code": "A"}
    assert_problem(await api.post("/v1/vouchers", {**body, "applies_to": SCOPE}), "invalid_request", "/applies_to")
    created(await api.post("/v1/vouchers", {**body, "discount_value": 5, "applies_to": SCOPE}))
    body = ok(await api.patch("/v1/vouchers/A", {"discount_value": None}))
    assert (body["discount_type"], body["applies_to"]) == (None, None)


async def test_201_whom_a_campaign_is_for_and_what_becomes_of_returns(
    api: Client, scripts: Scripts, tenancy: Tenancy
) -> None:
    rules: dict[str, Any] = {
        "discount_value": 20,
        "eligible_segments": ["vip", "eu", "vip"],
        "category": "sale",
        "restore_on_rollback": "never",
        "return_policy": "requalify",
    }
    campaign = created(await api.post("/v1/campaigns", {"name": "A", "rules": rules}))
    assert {name: campaign["rules"][name] for name in rules} == {**rules, "eligible_segments": ["vip", "eu"]}
    _, _, found = await scripts.peek(tenancy.project_id, [campaign_key(campaign["id"])])
    assert found[0] is not None
    definition = msgspec.msgpack.decode(found[0].body, type=Campaign)
    assert (definition.eligible_segments, definition.category) == (("vip", "eu"), "sale")
    assert (definition.restores_use, definition.returns) == (False, "requalify")
    none = dict.fromkeys(("eligible_segments", "category", "restore_on_rollback", "return_policy"))
    body = ok(await api.patch(f"/v1/campaigns/{campaign['id']}", {"rules": none}))
    assert {name: body["rules"][name] for name in none} == {**none, "eligible_segments": []}


async def test_a_voucher_has_no_segments_of_its_own(api: Client) -> None:
    body = {"discount_value": 5, "eligible_segments": ["vip"]}
    assert_problem(await api.post("/v1/vouchers", body), "invalid_request", "/eligible_segments")


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ({"applies_to": {}}, ["applies_to/target"]),
        ({"applies_to": {"target": "half"}}, ["applies_to/target"]),
        ({"applies_to": {"target": "order", "units": 2, "nth": 2}}, ["applies_to/units", "applies_to/nth"]),
        ({"applies_to": {"target": "from_nth"}}, ["applies_to/nth"]),
        ({"applies_to": {"target": "cheapest", "units": 0}}, ["applies_to/units"]),
        ({"applies_to": {"target": "shipping", "max_per_unit": 1}}, ["applies_to/max_per_unit"]),
        ({"applies_to": {"target": "every", "max_per_unit": 0}}, ["applies_to/max_per_unit"]),
        ({"applies_to": {"target": "every", "max_per_unit": 0.001}}, ["applies_to/max_per_unit"]),
        ({"applies_to": {"target": "every", "include": {"skus": ["a\x00"], "x": []}}},
         ["applies_to/include/skus/0", "applies_to/include/x"]),
        ({"applies_to": {"target": "every", "include": {"skus": ["a"] * 101}}}, ["applies_to/include/skus"]),
        ({"applies_to": {"target": "every", "include": {"skus": None}}}, ["applies_to/include/skus"]),
        ({"discount_type": "UNIT", "discount_value": 1.5}, ["discount_value"]),
        ({"discount_type": "UNIT", "discount_value": 0}, ["discount_value"]),
        ({"discount_type": "UNIT", "discount_value": 1001}, ["discount_value"]),
        ({"discount_type": "UNIT", "discount_value": 1, "applies_to": {"target": "shipping"}}, ["applies_to/target"]),
        ({"discount_type": "UNIT", "discount_value": 1, "added_unit": {"price": 1}}, ["added_unit"]),
        ({"discount_type": "UNIT", "discount_value": 1, "applies_to": {"target": "cheapest", "units": 2}},
         ["applies_to/units"]),
        ({"discount_type": "UNIT", "discount_value": 1, "added_unit": {"sku": "a"}}, ["added_unit/price"]),
        ({"discount_type": "UNIT", "discount_value": 1, "added_unit": {"price": -1, "sku": "a"}}, ["added_unit/price"]),
        ({"added_unit": {"price": 1, "sku": "a"}}, ["added_unit"]),
        ({"category": "", "restore_on_rollback": "sometimes", "return_policy": "no"},
         ["category", "restore_on_rollback", "return_policy"]),
        ({"eligible_segments": [str(i) for i in range(21)]}, ["eligible_segments"]),
    ],
)  # fmt: skip
async def test_422_every_fault_by_its_pointer(api: Client, rules: dict[str, Any], named: list[str]) -> None:
    body = {"name": "A", "rules": {"discount_value": 20, **rules}}
    assert_problem(await api.post("/v1/campaigns", body), "invalid_request", *(f"/rules/{name}" for name in named))


async def test_422_rules_that_are_too_long_to_be_kept(api: Client) -> None:
    names = [f"{i:03}" + "é" * 125 for i in range(100)]
    body = {"name": "A", "rules": {"discount_value": 20, "applies_to": {"target": "items", "include": {"skus": names}}}}
    assert_problem(await api.post("/v1/campaigns", body), "invalid_request", "/rules")
    # The longest that is taken is kept: PostgreSQL counts as we do.
    statuses = []
    for end in range(60, 67):
        include = {"skus": names[:end]}
        rules = {"discount_value": 20, "applies_to": {"target": "items", "include": include}}
        answer = await api.post("/v1/campaigns", {"name": "A", "rules": rules})
        statuses.append(answer.status_code)
    assert statuses == [201] * 4 + [422] * 3


@pytest.mark.parametrize(("currency", "price", "minor"), [("JPY", 500, 500), ("KWD", 0.125, 125)])
async def test_amounts_are_the_projects_currencys(
    new_tenancy: NewTenancy, scripts: Scripts, currency: str, price: float, minor: int
) -> None:
    tenancy = await new_tenancy(currency)
    unit = {"price": price, "product_id": "mug"}
    body = {"code": "A", "discount_type": "UNIT", "discount_value": 1, "added_unit": unit}
    voucher = created(await tenancy.secret.post("/v1/vouchers", body))
    assert voucher["added_unit"] == {"price": price, "product_id": "mug", "sku": None}
    found = await voucher_in_redis(scripts, tenancy, "A")
    assert found.discount is not None
    assert found.discount.added == AddedUnit(minor, "mug")
