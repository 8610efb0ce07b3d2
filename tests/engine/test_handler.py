"""The handler on real servers: what each call answers, and what it leaves behind."""

import asyncio
from collections import Counter
from typing import Any

import msgspec
import pytest

from control_plane.api_keys.creation import KeyTerms, create_key
from domain.ledger import Position, Settlement
from domain.outcomes import Status
from domain.rules import Rules
from store.credentials import new_key
from store.keys import Keyspace
from store.link import Identity
from tests.servers.waiting import eventually

from .conftest import SECRET, SHARD, Shop

PERCENT_20 = Rules("PERCENT", 200_000)


async def _raw(shop: Shop, *command: Any) -> Any:
    served = await shop.worker.gate.enter(SHARD)
    return await served.shard.link.command(*command)


async def test_redeem_answers_what_was_asked_for(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    response = await shop.call(
        "POST", "/v1/vouchers/save20/redeem", {"customer_id": "cust_xyz", "order_value": 89.99}, key="k1"
    )
    assert response.status == 200
    assert b'"discount_applied":18.00,"total":71.99' in response.body
    body = msgspec.json.decode(response.body)
    assert body["id"].startswith("rdm_")
    assert (body["status"], body["code"], body["customer_id"], body["order_value"]) == (
        "redeemed", "SAVE20", "cust_xyz", 89.99,
    )  # fmt: skip
    again = await shop.call("GET", f"/v1/redemptions/{body['id']}")
    by_key = await shop.call("GET", "/v1/redemptions/by-key/k1")
    assert again.body == by_key.body == response.body


async def test_validate_writes_nothing(shop: Shop) -> None:
    await shop.voucher("ONCE", Rules("AMOUNT", 500, max_redemptions=1))
    for _ in range(3):
        response = await shop.call("POST", "/v1/vouchers/ONCE/validate", {"order_value": 20})
        assert b'"valid":true' in response.body
        assert b'"discount_applied":5.00,"total":15.00' in response.body
    assert await _raw(shop, "XLEN", Keyspace(SHARD, 1).stream) == 0
    assert await _raw(shop, "HGET", Keyspace(SHARD, 1).counter("r:ONCE"), "granted") == b"0"


async def test_g3_one_key_sent_64_times_at_once_is_one_redemption_with_equal_bodies(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    answers = await asyncio.gather(
        *(shop.call("POST", "/v1/vouchers/SAVE20/redeem", {"order_value": 10}, key="one") for _ in range(64))
    )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert sum(("idempotency-replayed", "true") in answer.headers for answer in answers) == 63
    assert await _raw(shop, "HGET", Keyspace(SHARD, 1).counter("r:SAVE20"), "granted") == b"1"


async def test_g3_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    assert (await shop.redeem("SAVE20", key="k"))[0] == 200
    status, body = await shop.redeem("SAVE20", key="k", customer_id="other")
    assert (status, body["code"]) == (422, "idempotency_key_reused")


async def test_g3_a_granted_key_gets_its_first_answer_after_pause_expiry_and_sell_out(shop: Shop) -> None:
    await shop.campaign("cmp_1", Rules("PERCENT", 200_000, max_redemptions=1))
    await shop.voucher("SUMMER", Rules(), "cmp_1")
    status, first = await shop.redeem("SUMMER", key="k")
    assert status == 200
    served = await shop.worker.gate.enter(SHARD)
    for version, (rules, state) in enumerate(
        [(PERCENT_20, "paused"), (Rules("PERCENT", 200_000, expires_ms=1), "active")], start=2
    ):
        await shop.campaign("cmp_1", rules, state, version)
        await _raw(shop, "DEL", served.shard.keyspace.definition("c:cmp_1"))
        refused = await shop.redeem("SUMMER", key=f"other-{version}")
        assert refused[1]["code"] == ("campaign_paused" if state == "paused" else "voucher_expired")
        assert await shop.redeem("SUMMER", key="k") == (200, first)


async def test_g1_g4_exactly_the_limit_is_granted_and_what_is_unconfirmed_refuses_only_for_now(shop: Shop) -> None:
    """Without a reconciler nothing is confirmed: the rest cannot be told `limit_reached`, it would be false."""
    await shop.voucher("FLASH", Rules("PERCENT", 200_000, max_redemptions=50))
    answers = await asyncio.gather(*(shop.redeem("FLASH", key=f"k{n}") for n in range(200)))
    codes = Counter(body.get("code") if status != 200 else "granted" for status, body in answers)
    assert codes == {"granted": 50, "ledger_lagging": 150}


async def test_g1_a_customer_has_one_however_many_ask_at_once(shop: Shop) -> None:
    await shop.voucher("ONE", Rules("AMOUNT", 100, max_redemptions_per_customer=1))
    answers = await asyncio.gather(*(shop.redeem("ONE", customer_id="bob") for _ in range(100)))
    assert sum(status == 200 for status, _ in answers) == 1
    assert (await shop.redeem("ONE", customer_id="eve"))[0] == 200
    status, body = await shop.redeem("ONE")
    assert (status, body["code"]) == (422, "customer_required")


async def test_g6_a_lower_version_is_never_decided_from(shop: Shop) -> None:
    """The worker's cache is only a guess: what Redis says is newer wins, without a restart or a wait."""
    await shop.voucher("SAVE20", PERCENT_20)
    assert (await shop.redeem("SAVE20"))[1]["discount_applied"] == 18.0
    await shop.voucher("SAVE20", Rules("PERCENT", 500_000), version=2)
    served = await shop.worker.gate.enter(SHARD)
    await _raw(shop, "DEL", served.shard.keyspace.definition(f"v:{shop.account.project_id}:SAVE20"))
    assert (await shop.redeem("SAVE20"))[1]["discount_applied"] == 45.0


async def test_an_unknown_code_is_remembered_until_the_project_changes(shop: Shop) -> None:
    assert (await shop.redeem("LATER"))[1]["code"] == "voucher_not_found"
    assert (await shop.redeem("LATER", key="k"))[1]["code"] == "voucher_not_found"
    await shop.voucher("LATER", PERCENT_20)
    served = await shop.worker.gate.enter(SHARD)
    assert (await shop.redeem("LATER"))[0] == 404
    await served.shard.scripts.apply(shop.account.project_id, None, [], 0, create=False)
    assert (await shop.redeem("LATER"))[0] == 200


async def test_guessing_is_limited_and_known_codes_are_not(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    assert (await shop.redeem("SAVE20"))[0] == 200
    statuses = Counter([(await shop.redeem(f"GUESS{n}"))[0] for n in range(80)])
    assert statuses[404] >= 60
    assert statuses[429] >= 10
    assert (await shop.redeem("SAVE20"))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/vouchers/X/redeem", None, 405, "method_not_allowed"),
        ("POST", "/v1/vouchers/X/redeem", b"{", 400, "malformed_body"),
        ("POST", "/v1/vouchers/X/redeem", b"[]", 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1e400}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":-1}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1.999}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":"NaN"}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1,"custmer_id":"x"}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1,"customer_id":""}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1,"customer_id":"a\\u0000"}', 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b'{"order_value":1,"currency":"USD"}', 422, "currency_mismatch"),
        ("POST", "/v1/vouchers/X/redeem", b"", 422, "invalid_request"),
        ("POST", "/v1/vouchers/X/redeem", b"x" * 70_000, 413, "body_too_large"),
        ("POST", "/v1/vouchers/%2F/redeem", b'{"order_value":1}', 404, "voucher_not_found"),
        ("POST", "/v1/vouchers/" + "X" * 2000 + "/redeem", b'{"order_value":1}', 414, "uri_too_long"),
        ("GET", "/v1/redemptions/rdm_nope", None, 404, "redemption_not_found"),
        ("GET", "/v1/redemptions/rdm_" + "0" * 26, None, 404, "redemption_not_found"),
        ("POST", "/v1/redemptions/rdm_" + "0" * 26 + "/rollback", None, 404, "redemption_not_found"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("GET", "/nothing", None, 404, "not_found"),
    ],
)
async def test_bad_input_is_a_problem_with_a_code(
    shop: Shop, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    response = await shop.call(method, path, body)
    problem = msgspec.json.decode(response.body)
    assert (response.status, problem["code"], problem["status"]) == (status, code, status)
    assert ("content-type", "application/problem+json") in response.headers
    assert problem["request_id"]


async def test_a_bad_field_has_a_pointer(shop: Shop) -> None:
    response = await shop.call("POST", "/v1/vouchers/X/redeem", {"order_value": 1, "customer_id": 7})
    assert msgspec.json.decode(response.body)["errors"][0]["pointer"] == "/customer_id"


async def test_keys_that_are_not_ours_or_may_not_are_refused(shop: Shop) -> None:
    path, body = "/v1/vouchers/X/redeem", {"order_value": 1}
    cases = {
        "nonsense": (401, "invalid_api_key"),
        new_key("SECRET"): (401, "invalid_api_key"),
        shop.account.publishable_key: (403, "publishable_key"),
        shop.account.admin_key: (403, "secret_key_required"),
    }
    for token, (status, code) in cases.items():
        response = await shop.call("POST", path, body, token=token)
        assert (response.status, msgspec.json.decode(response.body)["code"]) == (status, code)
    allowed = await shop.call("POST", "/v1/vouchers/X/validate", body, token=shop.account.publishable_key)
    assert allowed.status == 200
    assert b'"code":"voucher_not_found"' in allowed.body


async def test_g1_flushall_fails_closed(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    assert (await shop.redeem("SAVE20"))[0] == 200
    await _raw(shop, "FLUSHALL")
    for _ in range(3):
        status, body = await shop.redeem("SAVE20")
        assert (status, body["code"], body["retryable"]) == (503, "recovering", True)


async def test_a_lookup_that_meets_another_server_closes_the_shard_and_the_next_epoch_serves(shop: Shop) -> None:
    """Not only a commit finds out: else lookups would be refused until the lease is renewed."""
    served = await shop.worker.gate.enter(SHARD)
    served.shard.link.expected = Identity("gone", "gone")
    await served.shard.link.client.connection_pool.disconnect()
    unknown = f"/v1/redemptions/rdm_{'0' * 26}"
    assert (await shop.call("GET", unknown)).status == 503
    await shop.open_epoch(2)

    async def serves() -> bool:
        return (await shop.call("GET", unknown)).status == 404

    await eventually(serves, "the next epoch", within_s=5)


async def test_g1_script_flush_is_healed_without_a_second_effect(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    await _raw(shop, "SCRIPT", "FLUSH")
    assert (await shop.redeem("SAVE20"))[0] == 200
    assert await _raw(shop, "HGET", Keyspace(SHARD, 1).counter("r:SAVE20"), "granted") == b"1"


async def test_g1_an_epoch_of_another_server_is_not_believed(shop: Shop) -> None:
    await shop.owner.execute("UPDATE epochs SET run_id = 'another' WHERE shard = $1", SHARD)
    status, body = await shop.redeem("SAVE20")
    assert (status, body["code"]) == (503, "recovering")


async def test_g1_a_new_epoch_hydrates_what_the_ledger_knows_and_withholds_what_may_be_lost(shop: Shop) -> None:
    await shop.voucher("TEN", Rules("AMOUNT", 100, max_redemptions=10))
    await shop.owner.execute("UPDATE counters SET granted = 7, returned = 1 WHERE id = 'r:TEN'")
    await shop.voucher("FREE", Rules("AMOUNT", 100))
    scripts = await shop.open_epoch(2, withheld_epochs=1)
    status, body = await shop.redeem("TEN")
    assert (status, body["code"]) == (503, "recovering")
    assert (await shop.redeem("FREE"))[0] == 200, "what has no limit has nothing to withhold"
    await scripts.release()
    answers = [await shop.redeem("TEN") for _ in range(5)]
    assert Counter(status for status, _ in answers) == {200: 4, 503: 1}


async def test_g1_a_unit_that_came_back_is_not_given_back_twice(shop: Shop) -> None:
    """PostgreSQL has settled a rollback that Redis has not been told of: its confirm must not find what it added."""
    await shop.voucher("TWICE", Rules("AMOUNT", 100, max_redemptions=2))
    await shop.owner.execute("UPDATE counters SET granted = 2, returned = 1 WHERE id = 'r:TWICE'")
    await shop.owner.execute("UPDATE stream_positions SET entry_ms = 5 WHERE shard = $1", SHARD)
    status, body = await shop.redeem("TWICE")
    assert (status, body["code"]) == (503, "ledger_lagging")
    scripts = (await shop.worker.gate.enter(SHARD)).shard.scripts
    back = Settlement("r:TWICE", shop.account.project_id, 0, 1)
    assert await scripts.confirm(Position(), Position(5, 0), 1, [back]) == (Status.OK, Position(5, 0))
    answers = [await shop.redeem("TWICE") for _ in range(3)]
    assert Counter(status for status, _ in answers) == {200: 1, 503: 2}


async def test_g2_without_a_lease_nothing_is_granted(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    assert (await shop.redeem("SAVE20"))[0] == 200
    served = await shop.worker.gate.enter(SHARD)
    served.leased_until = float("-inf")
    await shop.owner.execute("UPDATE epochs SET state = 'closed', closed_at = now() WHERE shard = $1", SHARD)
    status, body = await shop.redeem("SAVE20")
    assert (status, body["code"]) == (503, "recovering")


async def test_g4_the_bound_of_the_shard_is_back_pressure(shop: Shop) -> None:
    await shop.voucher("SAVE20", PERCENT_20)
    answers = await asyncio.gather(*(shop.redeem("SAVE20") for _ in range(1005)))
    codes = Counter(body.get("code") if status != 200 else "granted" for status, body in answers)
    assert codes == {"granted": 1000, "ledger_lagging": 5}


async def test_committed_is_refused_where_the_reconciler_is_not_heard(shop: Shop) -> None:
    await shop.voucher("GOLD", Rules("AMOUNT", 100, durability="committed"))
    status, body = await shop.redeem("GOLD")
    assert (status, body["code"]) == (503, "ledger_lagging")
    assert await _raw(shop, "XLEN", Keyspace(SHARD, 1).stream) == 0


async def test_a_key_that_is_confined_may_what_its_scopes_say(shop: Shop) -> None:
    await shop.voucher("SCOPED", PERCENT_20)
    body = {"order_value": 10}
    for scopes, validating, redeeming in (
        (["validations:read"], 200, 403),
        (["redemptions:write"], 403, 200),
        (["redemptions:read", "vouchers:write"], 403, 403),
    ):
        key = await create_key(
            shop.owner, SECRET, shop.account.account_id, shop.account.project_id, "SECRET", terms=KeyTerms(None, scopes)
        )
        answers = [
            await shop.call("POST", f"/v1/vouchers/SCOPED/{verb}", body, token=key.key)
            for verb in ("validate", "redeem")
        ]
        assert [answer.status for answer in answers] == [validating, redeeming], scopes
