"""What either plane refuses whatever the business: keys, paths, bodies, and things that are not there."""

import asyncio
from urllib.parse import urlsplit

import httpx

from control_plane.clock import new_id
from tests.control_plane.client import Client, created, ok

from .provoking import NOWHERE, Shop, provokes, unique, wish


@provokes()
async def malformed_body(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/redemptions", b'{"redeemables":')


@provokes()
async def invalid_api_key(shop: Shop) -> httpx.Response:
    return await Client(shop.http, "vf_sk_nonsense").post("/v1/redemptions", wish("ANY"))


@provokes()
async def publishable_key(shop: Shop) -> httpx.Response:
    return await shop.publishable.post("/v1/redemptions", wish("ANY"))


@provokes()
async def secret_key_required(shop: Shop) -> httpx.Response:
    return await shop.admin.post("/v1/redemptions", wish("ANY"))


@provokes()
async def admin_key_required(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/projects", {"name": "Mine"})


@provokes()
async def account_suspended(shop: Shop) -> httpx.Response:
    other = await shop.project()
    project = ok(await other.get("/v1/projects"))["data"][0]["id"]
    assert await shop.owner.execute("UPDATE projects SET status = 'suspended' WHERE id = $1", project) == "UPDATE 1"
    return await other.redeem("ANY")


@provokes()
async def not_found(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/reservations/x/surrender")


@provokes()
async def project_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/projects/prj_{NOWHERE}")


@provokes()
async def api_key_not_found(shop: Shop) -> httpx.Response:
    return await shop.secret.delete(f"/v1/api-keys/key_{NOWHERE}")


@provokes()
async def campaign_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/campaigns/cmp_{NOWHERE}")


@provokes()
async def redemption_not_found(shop: Shop) -> httpx.Response:
    return await shop.post(f"/v1/redemptions/rdm_{NOWHERE}/rollback")


@provokes()
async def reservation_not_found(shop: Shop) -> httpx.Response:
    return await shop.post(f"/v1/reservations/rsv_{NOWHERE}/capture")


@provokes()
async def validation_rule_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/validation-rules/rul_{NOWHERE}")


@provokes()
async def customer_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/customers/nobody")


@provokes()
async def segment_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/segments/nobody")


@provokes()
async def collection_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/collections/nothing")


@provokes()
async def sku_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/skus/nothing")


@provokes()
async def product_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/products/nothing")


@provokes()
async def async_action_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/async-actions/act_{NOWHERE}")


@provokes()
async def publication_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/publications/pub_{NOWHERE}")


@provokes()
async def distribution_not_found(shop: Shop) -> httpx.Response:
    return await shop.get(f"/v1/distributions/dst_{NOWHERE}")


@provokes()
async def order_not_found(shop: Shop) -> httpx.Response:
    return await shop.patch("/v1/orders/nothing", {"status": "paid"})


@provokes()
async def metadata_schema_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/metadata-schemas/coupon")


@provokes()
async def no_code_left(shop: Shop) -> httpx.Response:
    campaign = created(await shop.post("/v1/campaigns", {"name": "Empty"}))["id"]
    return await shop.post("/v1/publications", {"campaign_id": campaign, "customer_id": "ann"})


@provokes()
async def async_action_over(shop: Shop) -> httpx.Response:
    project, action = ok(await shop.get("/v1/projects"))["data"][0]["id"], new_id("act")
    await shop.owner.execute(
        "INSERT INTO async_actions (project_id, id, type, status, total_count) VALUES ($1, $2, 'export', 'done', 0)",
        project,
        action,
    )
    return await shop.post(f"/v1/async-actions/{action}/cancel")


@provokes()
async def result_not_found(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/results/nothing")


@provokes()
async def quarantine_entry_not_found(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/quarantine/qrn_nothing/void")


@provokes()
async def quarantine_settled(shop: Shop) -> httpx.Response:
    entry, project = unique("qrn_"), ok(await shop.get("/v1/projects"))["data"][0]["id"]
    await shop.owner.execute(
        "INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, redemption_id,"
        " payload, reason, status, resolved_at, resolved_by)"
        " VALUES ($1, 1, 1, 1, 1, 0, $2, 'rdm_q', '\\x00', 'decode_failed', 'void', now(), 'somebody')",
        entry,
        project,
    )
    return await shop.post(f"/v1/quarantine/{entry}/void")


@provokes()
async def method_not_allowed(shop: Shop) -> httpx.Response:
    return await shop.patch("/v1/validations", {})


@provokes()
async def incomplete_body(shop: Shop) -> httpx.Response:
    """On the engine's own port: the gateway cannot tell a client that has gone from an engine that has."""
    parts = urlsplit(shop.stack.state.engine_url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(b"POST /v1/redemptions HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\n{")
        writer.write_eof()
        async with asyncio.timeout(10):
            raw = await reader.read()
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


@provokes("/code")
async def code_taken(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/vouchers", {"code": await shop.voucher(), "discount_value": 5})


@provokes()
async def idempotency_in_progress(shop: Shop) -> httpx.Response:
    """Another request is at this key's row: it has written it, and not committed."""
    key, name = unique("k"), {"name": "Sale"}
    created(await shop.post("/v1/campaigns", name, headers={"Idempotency-Key": key}))
    async with shop.owner.transaction():
        old = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1"
        assert await shop.owner.execute(old, key) == "UPDATE 1"
        return await shop.post("/v1/campaigns", name, headers={"Idempotency-Key": key})


@provokes()
async def idempotency_key_expired(shop: Shop) -> httpx.Response:
    """The key had its effect more than a day ago."""
    key, card = unique("k"), created(await shop.post("/v1/gift-cards", {"amount": 5}))
    path = f"/v1/gift-cards/{card['code']}/top-up"
    assert (await shop.post(path, {"amount": 1}, headers={"Idempotency-Key": key})).status_code == 200
    old = "UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1"
    assert await shop.owner.execute(old, key) == "UPDATE 1"
    return await shop.post(path, {"amount": 1}, headers={"Idempotency-Key": key})


@provokes()
async def body_too_large(shop: Shop) -> httpx.Response:
    return await shop.post("/v1/redemptions", b" " * 65_000)


@provokes()
async def uri_too_long(shop: Shop) -> httpx.Response:
    return await shop.get("/v1/redemptions/" + "x" * 1100)
