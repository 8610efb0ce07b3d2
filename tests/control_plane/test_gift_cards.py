"""Gift cards over HTTP, by route and status: their money is the ledger's, and every change of it an entry."""

import time
from typing import Any

import msgspec
import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from domain.definitions import Redeemable, balance_counter, voucher_key
from domain.ledger import Item, Mode, Move
from domain.outcomes import Verdict
from store.scripts import Scripts
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.control_plane.conftest import OpenEpoch
from tests.servers.factory import ServerFactory

CARD = {"amount": 50, "expires_at": "2099-12-31T23:59:59Z"}


async def in_redis(scripts: Scripts, project_id: str, code: str) -> Redeemable | None:
    _, _, found = await scripts.peek(project_id, [voucher_key(project_id, code)])
    return None if found[0] is None else msgspec.msgpack.decode(found[0].body, type=Redeemable)


async def counter(owner: Any, card_id: str) -> tuple[int, int, int]:
    row = await owner.fetchrow(
        "SELECT limit_value, ceiling, version FROM counters WHERE id = $1", balance_counter(card_id)
    )
    return tuple(row)


async def transactions(api: Client, reference: str, query: str = "") -> list[Any]:
    listed: list[Any] = ok(await api.get(f"/v1/gift-cards/{reference}/transactions{query}"))["data"]
    return listed


async def new_campaign(api: Client, **more: Any) -> str:
    made = created(await api.post("/v1/campaigns", {"name": "Gifts", "type": "GIFT_CARD", **more}))
    campaign_id: str = made["id"]
    return campaign_id


async def test_201_as_the_issue_writes_it(api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any) -> None:
    response = await api.post("/v1/gift-cards", {"amount": 50, "expires_at": "2099-12-31T23:59:59Z"})
    body = created(response)
    assert body["id"].startswith("gft_")
    assert '"balance":50.00' in response.text
    assert (body["object"], body["status"], len(body["code"])) == ("gift_card", "active", 12)
    assert (body["funded"], body["spent"], body["currency"], body["version"]) == (50, 0, "EUR", 1)
    assert (body["expires_at"], body["starts_at"]) == ("2099-12-31T23:59:59.000Z", None)
    card = await in_redis(scripts, tenancy.project_id, body["code"])
    assert card is not None
    assert (card.object, card.id, card.committed, card.barred) == ("gift_card", body["id"], True, None)
    assert await counter(owner, body["id"]) == (5000, 5000, 1)
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0
    entry = (await transactions(api, body["code"]))[0]
    created_at, actor = entry.pop("created_at"), entry.pop("actor")
    assert (created_at[-1], actor[:4]) == ("Z", "key_")
    assert entry == {
        "number": 1,
        "object": "gift_card_transaction",
        "type": "issue",
        "amount": 50,
        "balance": 50,
        "from_account": "funding",
        "to_account": "card",
        "redemption_id": None,
        "reason": None,
    }


async def test_201_with_all_it_takes_and_found_by_any_spelling(api: Client) -> None:
    campaign_id = await new_campaign(api, card_amount=25)
    body = {"code": " gift 1 ", "campaign_id": campaign_id, "customer_id": "cust_1", "category": "gifts"}
    more = {"starts_at": "2026-01-01T00:00:00", "expires_at": "2099-01-01T00:00:00+01:00", "metadata": {"n": 1.10}}
    made = created(await api.post("/v1/gift-cards", {**body, **more, "active": False}))
    assert (made["code"], made["balance"], made["status"]) == ("GIFT1", 25, "inactive")
    assert (made["campaign_id"], made["customer_id"], made["category"]) == (campaign_id, "cust_1", "gifts")
    assert (made["starts_at"], made["expires_at"]) == ("2026-01-01T00:00:00.000Z", "2098-12-31T23:00:00.000Z")
    for reference in ("GIFT1", "gift1", "gi%20ft1", made["id"]):
        assert ok(await api.get(f"/v1/gift-cards/{reference}")) == made


async def test_409_a_code_that_is_taken_by_whatever(api: Client) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", "discount_value": 5}))
    created(await api.post("/v1/gift-cards", {**CARD, "code": "B"}))
    for code in ("a", "b"):
        assert_problem(await api.post("/v1/gift-cards", {**CARD, "code": code}), "code_taken", "/code")
    answer = await api.post("/v1/vouchers", {"code": "B", "discount_value": 5})
    assert_problem(answer, "code_taken", "/code")


async def test_422_names_every_bad_field(api: Client) -> None:
    body = {"amount": 0, "code": "..", "campaign_id": "", "customer_id": 5, "starts_at": "now", "expires_at": "1969"}
    more = {"active": "yes", "category": "", "metadata": [], "balance": 1}
    answer = await api.post("/v1/gift-cards", {**body, **more})
    assert_problem(answer, "invalid_request", *[f"/{name}" for name in {**body, **more}])
    for amount in (-1, 0.001, 1e300, 10**11, "5", True, None):
        assert_problem(await api.post("/v1/gift-cards", {"amount": amount}), "invalid_request", "/amount")
    assert_problem(await api.post("/v1/gift-cards", {}), "invalid_request", "/amount")
    span = {**CARD, "starts_at": "2099-12-31T23:59:59Z"}
    assert_problem(await api.post("/v1/gift-cards", span), "invalid_request", "/expires_at")
    bare = await new_campaign(api)
    assert_problem(await api.post("/v1/gift-cards", {"campaign_id": bare}), "invalid_request", "/amount")
    sale = created(await api.post("/v1/campaigns", {"name": "Sale", "rules": {"discount_value": 5}}))
    answer = await api.post("/v1/gift-cards", {**CARD, "campaign_id": sale["id"]})
    assert_problem(answer, "invalid_request", "/campaign_id")
    assert ok(await api.get("/v1/gift-cards"))["data"] == []


async def test_404_unknown_cards_and_those_of_others(api: Client, new_tenancy: Any) -> None:
    foreign = created(await (await new_tenancy()).secret.post("/v1/gift-cards", CARD))
    created(await api.post("/v1/vouchers", {"code": "A", "discount_value": 5}))
    for reference in ("NOPE", "A", foreign["id"], foreign["code"], "gft_" + "0" * 26, "%00"):
        path = f"/v1/gift-cards/{reference}"
        assert_problem(await api.get(path), "gift_card_not_found")
        assert_problem(await api.get(f"{path}/transactions"), "gift_card_not_found")
        assert_problem(await api.patch(path, {}), "gift_card_not_found")
        assert_problem(await api.post(f"{path}/top-up", {"amount": 5}), "gift_card_not_found")
        for verb in ("activate", "block", "unblock", "expire"):
            assert_problem(await api.post(f"{path}/{verb}"), "gift_card_not_found")
    answer = await api.post("/v1/gift-cards", {"campaign_id": "cmp_" + "0" * 26})
    assert_problem(answer, "campaign_not_found")


async def test_a_top_up_is_an_entry_and_a_limit_by_version(
    api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any
) -> None:
    made = created(await api.post("/v1/gift-cards", {**CARD, "code": "A"}))
    body = ok(await api.post("/v1/gift-cards/a/top-up", {"amount": 10.37, "reason": "goodwill"}))
    assert (body["balance"], body["funded"], body["version"]) == (60.37, 60.37, 2)
    assert await counter(owner, made["id"]) == (6037, 6037, 2)
    card = await in_redis(scripts, tenancy.project_id, "A")
    assert card is not None
    assert card.version == 2
    # What was not there before the top-up is there now, and not a cent more.
    for amount, verdict in ((6038, Verdict.LIMIT), (6037, Verdict.GRANTED)):
        move = Move(balance_counter(made["id"]), amount, None, 10**12)
        reply = await scripts.commit([Item(Mode.COMMIT, payload=b"\xc0", moves=(move,))])
        assert reply.outcomes[0].verdict is verdict
    entries = await transactions(api, "A")
    assert [(entry["number"], entry["type"], entry["amount"], entry["balance"]) for entry in entries] == [
        (2, "top_up", 10.37, 60.37),
        (1, "issue", 50, 50),
    ]
    assert entries[0]["reason"] == "goodwill"
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'gift_card.top_up'") == 1


async def test_422_and_409_of_top_ups(api: Client) -> None:
    created(await api.post("/v1/gift-cards", {**CARD, "code": "A"}))
    for amount in (0, -5, 0.001, "5", None):
        assert_problem(await api.post("/v1/gift-cards/A/top-up", {"amount": amount}), "invalid_request", "/amount")
    answer = await api.post("/v1/gift-cards/A/top-up", {"reason": "", "x": 1})
    assert_problem(answer, "invalid_request", "/amount", "/reason", "/x")
    answer = await api.post("/v1/gift-cards/A/top-up", {"amount": 10**10})
    assert_problem(answer, "invalid_request", "/amount")
    ok(await api.post("/v1/gift-cards/A/block"))
    assert_problem(await api.post("/v1/gift-cards/A/top-up", {"amount": 5}), "card_blocked")
    ok(await api.post("/v1/gift-cards/A/unblock"))
    ok(await api.post("/v1/gift-cards/A/expire"))
    assert_problem(await api.post("/v1/gift-cards/A/top-up", {"amount": 5}), "voucher_expired")
    assert [entry["number"] for entry in await transactions(api, "A")] == [1]


async def test_g3_a_top_up_with_one_key_is_one(api: Client) -> None:
    created(await api.post("/v1/gift-cards", {**CARD, "code": "A"}))
    key = {"Idempotency-Key": "k"}
    first = await api.post("/v1/gift-cards/A/top-up", {"amount": 10}, headers=key)
    again = await api.post("/v1/gift-cards/A/top-up", {"amount": 10}, headers=key)
    assert (again.status_code, again.content, again.headers["Idempotency-Replayed"]) == (200, first.content, "true")
    other = await api.post("/v1/gift-cards/A/top-up", {"amount": 11}, headers=key)
    assert_problem(other, "idempotency_key_reused")
    assert ok(await api.get("/v1/gift-cards/A"))["balance"] == 60


async def test_g6_what_bars_a_card_is_in_force_when_answered(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    made = created(await api.post("/v1/gift-cards", {**CARD, "code": "A", "active": False}))

    async def after(verb: str) -> tuple[str, str | None, int]:
        body = ok(await api.post(f"/v1/gift-cards/A/{verb}"))
        assert ok(await api.post(f"/v1/gift-cards/A/{verb}")) == body
        card = await in_redis(scripts, tenancy.project_id, "A")
        assert card is not None
        assert card.version == body["version"]
        return body["status"], card.barred, body["version"]

    card = await in_redis(scripts, tenancy.project_id, "A")
    assert card is not None
    assert (made["status"], card.barred) == ("inactive", "card_inactive")
    assert_problem(await api.post("/v1/gift-cards/A/block"), "card_inactive")
    assert await after("unblock") == ("inactive", "card_inactive", 1)
    assert await after("activate") == ("active", None, 2)
    assert await after("block") == ("blocked", "card_blocked", 3)
    assert_problem(await api.post("/v1/gift-cards/A/activate"), "card_blocked")
    assert await after("unblock") == ("active", None, 4)
    before_ms = time.time() * 1000
    assert await after("expire") == ("expired", None, 5)
    card = await in_redis(scripts, tenancy.project_id, "A")
    assert card is not None
    assert card.expires_ms is not None
    assert before_ms - 1 <= card.expires_ms <= time.time() * 1000
    assert_problem(await api.post("/v1/gift-cards/A/block", {"x": 1}), "invalid_request", "/x")


async def test_g6_redis_away_answers_202_and_keeps_the_change(
    server_factory: ServerFactory, open_epoch: OpenEpoch, owner: Any, new_context_client: Any
) -> None:
    valkey = server_factory.valkey()
    await open_epoch(valkey.url)
    api = await new_context_client(valkey.url)
    created(await api.post("/v1/gift-cards", {**CARD, "code": "A"}))
    valkey.kill()
    body = ok(await api.post("/v1/gift-cards/A/top-up", {"amount": 10}), 202)
    assert (body["pending"], body["balance"]) == (True, 60)
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 1


async def test_patch_changes_what_is_named_and_null_removes(api: Client) -> None:
    created(await api.post("/v1/gift-cards", {**CARD, "code": "A", "category": "gifts"}))
    body = ok(await api.patch("/v1/gift-cards/A", {"customer_id": "cust_1", "metadata": {"a": 1}}))
    assert (body["customer_id"], body["metadata"], body["category"], body["version"]) == (
        "cust_1",
        {"a": 1},
        "gifts",
        2,
    )
    assert ok(await api.patch("/v1/gift-cards/A", {"customer_id": "cust_1"}))["version"] == 2
    body = ok(await api.patch("/v1/gift-cards/A", {"expires_at": None, "category": None, "starts_at": "2030-01-01"}))
    assert (body["expires_at"], body["category"], body["starts_at"]) == (None, None, "2030-01-01T00:00:00.000Z")
    answer = await api.patch("/v1/gift-cards/A", {"expires_at": "2029-01-01"})
    assert_problem(answer, "invalid_request", "/expires_at")
    body = {"amount": 5, "code": "B", "status": "active", "expires_at": "x"}
    assert_problem(await api.patch("/v1/gift-cards/A", body), "invalid_request", *[f"/{name}" for name in body])
    assert ok(await api.get("/v1/gift-cards/A"))["balance"] == 50


async def test_lists_by_status_campaign_and_customer(api: Client) -> None:
    campaign_id = await new_campaign(api, card_amount=5)
    for code, more in (("A", {}), ("B", {"campaign_id": campaign_id}), ("C", {"customer_id": "cust_1"})):
        created(await api.post("/v1/gift-cards", {**CARD, "code": code, **more}))
    both = {"campaign_id": campaign_id, "customer_id": "cust_1", "active": False}
    created(await api.post("/v1/gift-cards", {**both, "code": "D"}))
    ok(await api.post("/v1/gift-cards/A/block"))
    ok(await api.post("/v1/gift-cards/A/expire"))
    ok(await api.post("/v1/gift-cards/B/expire"))

    async def listed(query: str) -> str:
        return "".join(card["code"] for card in ok(await api.get(f"/v1/gift-cards?{query}"))["data"])

    assert await listed("") == "DCBA"
    assert [await listed(f"status={s}") for s in ("active", "inactive", "blocked", "expired")] == ["C", "D", "A", "B"]
    assert await listed(f"campaign_id={campaign_id}") == "DB"
    assert await listed("customer_id=cust_1") == "DC"
    assert await listed(f"customer_id=cust_1&campaign_id={campaign_id}&status=inactive") == "D"
    page = ok(await api.get("/v1/gift-cards?limit=3"))
    assert await listed(f"limit=3&cursor={page['next_cursor']}") == "A"
    assert_problem(await api.get("/v1/gift-cards?status=gone"), "invalid_request")


async def test_transactions_by_pages(api: Client) -> None:
    created(await api.post("/v1/gift-cards", {**CARD, "code": "A"}))
    for _ in range(4):
        ok(await api.post("/v1/gift-cards/A/top-up", {"amount": 1}))
    page = ok(await api.get("/v1/gift-cards/A/transactions?limit=3"))
    assert [entry["number"] for entry in page["data"]] == [5, 4, 3]
    assert [entry["number"] for entry in await transactions(api, "A", f"?cursor={page['next_cursor']}")] == [2, 1]
    foreign = ok(await api.get("/v1/gift-cards?limit=1"))
    assert foreign["next_cursor"] is None
    created(await api.post("/v1/gift-cards", CARD))
    cursor = ok(await api.get("/v1/gift-cards?limit=1"))["next_cursor"]
    assert_problem(await api.get(f"/v1/gift-cards/A/transactions?cursor={cursor}"), "invalid_request")


async def test_a_batch_makes_exactly_so_many_cards_each_with_its_counter_and_entry(
    api: Client, context: Context, owner: Any
) -> None:
    campaign_id = await new_campaign(api, card_amount=20)
    body = {"campaign_id": campaign_id, "count": 1_234, "active": False, "expires_at": "2099-01-01"}
    action_id = ok(await api.post("/v1/gift-cards/batch", body), 202)["async_action_id"]
    assert await worker.work_off(context) == 1
    action = ok(await api.get(f"/v1/async-actions/{action_id}"))
    assert (action["type"], action["status"], action["done_count"]) == ("gift_card_batch", "done", 1_234)
    assert await owner.fetchval("SELECT count(DISTINCT code) FROM gift_cards WHERE funded_minor = 2000") == 1_234
    assert await owner.fetchval("SELECT count(*) FROM gift_card_entries WHERE type = 'issue'") == 1_234
    rows = await owner.fetch(
        "SELECT kind, limit_value, ceiling, version, count(*) FROM counters WHERE id LIKE 'a:gft_%' GROUP BY 1, 2, 3, 4"
    )
    assert [tuple(row) for row in rows] == [("balance", 2000, 2000, 1, 1_234)]
    card = ok(await api.get("/v1/gift-cards?limit=1"))["data"][0]
    assert (card["status"], card["balance"], card["expires_at"]) == ("inactive", 20, "2099-01-01T00:00:00.000Z")
    assert ok(await api.post(f"/v1/gift-cards/{card['code']}/activate"))["status"] == "active"


@pytest.mark.parametrize("count", [0, 50_001, 1.5, None])
async def test_422_and_404_of_batches(api: Client, count: Any) -> None:
    campaign_id = await new_campaign(api)
    body = {"campaign_id": campaign_id, "count": count, "amount": 5}
    assert_problem(await api.post("/v1/gift-cards/batch", body), "invalid_request", "/count")
    assert_problem(await api.post("/v1/gift-cards/batch", {}), "invalid_request", "/campaign_id", "/count")
    answer = await api.post("/v1/gift-cards/batch", {"campaign_id": campaign_id, "count": 1})
    assert_problem(answer, "invalid_request", "/amount")
    answer = await api.post("/v1/gift-cards/batch", {"campaign_id": "cmp_x", "count": 1, "amount": 5})
    assert_problem(answer, "campaign_not_found")


async def test_a_currency_without_decimals(new_tenancy: Any) -> None:
    api = (await new_tenancy("JPY")).secret
    response = await api.post("/v1/gift-cards", {"amount": 500})
    assert (created(response)["currency"], '"balance":500,' in response.text) == ("JPY", True)
    assert_problem(await api.post("/v1/gift-cards", {"amount": 0.5}), "invalid_request", "/amount")
