"""G7: what no route of customers, groups, things, orders, giving, lifecycles, metadata schemas, bulk work and people
takes is a 4xx that names the field, is quick and changes nothing; never a 500."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import Client, created, ok
from tests.servers.stack import RunningStack

from . import bad_groups as bad
from .bad_terms import Faults
from .census import changed, ledger_census
from .provoking import Shop, assert_refused, unique
from .test_bad_bodies_of_cards import NO_JSON, assert_spoilt

Route = tuple[str, dict[str, Any], Faults]
"""A path with its method, a body that it takes, and what spoils it."""


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Shop]:
    """The demo project of the session's stack."""
    state = stack.state
    keys = state.secret_key, state.publishable_key, state.admin_key
    async with (
        httpx.AsyncClient(base_url=state.api_url, timeout=30) as http,
        owner_connection(state.database_url, "tests") as owner,
    ):
        yield Shop(http, stack, keys, owner)


async def of_the_shop(some: Shop) -> list[Route]:
    """Each route takes its good body only after all that is bad: the order is one in which they can follow."""
    rule = {"customer.metadata.size": {"gte": 40}}
    ok(await some.post("/v1/customers", {"id": "c"}))
    ok(await some.post("/v1/products", {"id": "p"}))
    ok(await some.post("/v1/skus", {"id": "s", "product_id": "p"}))
    ok(await some.post("/v1/segments", {"id": "g"}))
    ok(await some.post("/v1/collections", {"id": "g"}))
    named = {"name": "Sale", "auto_issue": True, "rules": {"discount_type": "AMOUNT", "discount_value": 5}}
    campaign = created(await some.post("/v1/campaigns", named))["id"]
    draft = created(await some.post("/v1/campaigns", {"name": "Next", "status": "draft"}))["id"]
    rule_id, code = await some.rule({"order.amount": {"gte": 5}}), await some.voucher()
    verbs = ("activate", "pause", "resume", "end", "archive", "restore")
    return [
        ("PATCH /v1/customers/c", {}, bad.OF_CUSTOMER_CHANGES),
        ("POST /v1/customers", {"id": "c2"}, bad.OF_CUSTOMER_CHANGES),
        ("POST /v1/segments", {"id": "new", "rule": rule}, bad.OF_GROUPS),
        ("PATCH /v1/segments/g", {}, bad.OF_GROUP_CHANGES),
        ("POST /v1/segments/g/customers", {"add": ["c"]}, bad.OF_MEMBERS),
        ("POST /v1/collections", {"id": "new"}, bad.OF_GROUPS),
        ("PATCH /v1/collections/g", {}, bad.OF_GROUP_CHANGES),
        ("POST /v1/collections/g/products", {"add": ["p"]}, bad.OF_MEMBERS),
        ("PATCH /v1/products/p", {}, bad.OF_PRODUCTS),
        ("POST /v1/skus", {"id": "s2", "product_id": "p"}, bad.OF_SKUS),
        ("PATCH /v1/skus/s", {}, bad.OF_SKUS),
        ("POST /v1/publications", {"campaign_id": campaign, "customer_id": "c"}, bad.OF_PUBLICATIONS),
        ("POST /v1/distributions", {"campaign_id": campaign, "segment_id": "g"}, bad.OF_DISTRIBUTIONS),
        ("POST /v1/orders", {"id": "o", "amount": 5}, bad.OF_ORDERS),
        ("PATCH /v1/orders/o", {}, bad.OF_ORDERS),
        ("PUT /v1/metadata-schemas/sku", {"allow_undefined": True}, bad.OF_SCHEMAS),
        ("PATCH /v1/metadata-schemas/sku", {}, bad.OF_SCHEMAS),
        ("POST /v1/campaigns", {"name": "Sale"}, bad.OF_NEW_CAMPAIGNS),
        (f"PATCH /v1/campaigns/{campaign}", {}, bad.OF_CAMPAIGNS),
        *((f"POST /v1/campaigns/{draft}/{verb}", {}, bad.OF_VERBS) for verb in verbs),
        (f"PATCH /v1/validation-rules/{rule_id}", {}, bad.OF_RULE_CHANGES),
        ("POST /v1/exports", {"resource": "vouchers"}, bad.OF_EXPORTS),
        ("POST /v1/vouchers/bulk-update", {"vouchers": [{"code": code}]}, bad.of_bulk("vouchers", {"code": code})),
        ("POST /v1/customers/bulk-update", {"customers": [{"id": "c"}]}, bad.of_bulk("customers", {"id": "c"})),
        ("POST /v1/products/bulk-update", {"products": [{"id": "p"}]}, bad.of_bulk("products", {"id": "p"})),
    ]


async def spoil(api: Client, routes: list[Route]) -> list[str]:
    """Every bad body of every route; what was not refused as it should."""
    faults: list[str] = []
    for route, good, spoilt in routes:
        method, path = route.split()
        bodies = [({**good, **delta}, pointer) for delta, pointer in spoilt]
        for body, pointer in [*bodies, *((raw, None) for raw in NO_JSON)]:
            try:
                await assert_spoilt(api, method, path, body, pointer)
            except AssertionError as error:
                faults.append(str(error)[:600])
        for size in (70_000, 1_100_000):
            try:
                answer = await api(method, path, b"[" * size)
            except httpx.TransportError:
                continue  # cut off while it was still sending: what is refused is not read to its end
            if answer.status_code not in (400, 413):
                faults.append(f"{route}: {answer.text}")
    return faults


async def test_g7_bad_bodies_of_the_shop_name_the_field_and_change_nothing(shop: Shop) -> None:
    some = await shop.project()
    routes = await of_the_shop(some)
    before = await ledger_census(shop)
    faults = await spoil(some.secret, [each for each in routes if not each[0].startswith("PATCH /v1/orders")])
    assert not faults, "\n".join(faults)
    assert not changed(before, await ledger_census(shop))
    for route, good, _ in routes:
        method, path = route.split()
        assert_refused(await some.publishable(method, path, good), "publishable_key")
        answer = await some.secret(method, path, good)
        assert answer.status_code in (200, 201, 202), (route, answer.text)
    faults = await spoil(some.secret, [each for each in routes if each[0].startswith("PATCH /v1/orders")])
    assert not faults, "\n".join(faults)


async def test_g7_bad_bodies_of_people_and_keys_name_the_field_and_change_nothing(shop: Shop) -> None:
    project = (await some_project(shop))["id"]
    before = await ledger_census(shop)
    faults = await spoil(
        shop.admin,
        [
            ("POST /v1/members", {"email": f"{unique('m')}@example.com", "role": "analyst"}, bad.OF_INVITATIONS),
            ("POST /v1/api-keys", {"project_id": project}, bad.OF_KEYS),
            ("POST /v1/projects", {"name": "Another"}, bad.OF_PROJECTS),
            (f"PATCH /v1/projects/{project}", {}, bad.OF_PROJECTS),
        ],
    )
    mine = {"email": f"{unique('m')}@example.com", "password": "correct horse battery"}
    public: list[Route] = [
        ("POST /v1/signup", {**mine, "account": "Acme"}, bad.OF_SIGN_UPS),
        ("POST /v1/login", mine, bad.OF_LOG_INS),
        ("POST /v1/invitations/accept", {"token": "x"}, bad.OF_TOKENS),
    ]
    faults += await spoil(shop.secret, public)
    assert not faults, "\n".join(faults)
    assert not changed(before, await ledger_census(shop))


async def some_project(shop: Shop) -> dict[str, Any]:
    """A project of its own."""
    return created(await shop.admin.post("/v1/projects", {"name": "Another"}))
