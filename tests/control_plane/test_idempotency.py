"""G3 in the control plane: one Idempotency-Key, one effect, one answer."""

import asyncio
from typing import Any

import pytest

from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

KEY = {"Idempotency-Key": "k-1"}
VOUCHER = {"code": "A", "discount_value": 20}


async def test_g3_a_replay_has_the_same_status_and_body(api: Client, owner: Any) -> None:
    first = await api.post("/v1/vouchers", VOUCHER, headers=KEY)
    created(first)
    again = await api.post("/v1/vouchers", VOUCHER, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert await owner.fetchval("SELECT count(*) FROM vouchers") == 1
    assert await owner.fetchval("SELECT count(*) FROM audit_log") == 1


async def test_g3_sent_many_times_at_once_there_is_one_effect(api: Client, owner: Any) -> None:
    body = {"name": "Sale", "rules": {"discount_value": 10}}
    answers = await asyncio.gather(*(api.post("/v1/campaigns", body, headers=KEY) for _ in range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM campaigns") == 1


async def test_422_another_body_or_path_with_the_same_key(api: Client) -> None:
    created(await api.post("/v1/vouchers", VOUCHER, headers=KEY))
    answer = await api.post("/v1/vouchers", {**VOUCHER, "code": "B"}, headers=KEY)
    assert_problem(answer, "idempotency_key_reused")
    created(await api.post("/v1/vouchers", {**VOUCHER, "code": "B"}))
    ok(await api.post("/v1/vouchers/A/disable", headers=KEY))
    assert_problem(await api.post("/v1/vouchers/B/disable", headers=KEY), "idempotency_key_reused")


async def test_a_refusal_is_not_kept(api: Client) -> None:
    body = {**VOUCHER, "campaign_id": "cmp_" + "0" * 26}
    assert_problem(await api.post("/v1/vouchers", body, headers=KEY), "campaign_not_found")
    created(await api.post("/v1/vouchers", VOUCHER, headers=KEY))


async def test_keys_are_of_a_project(api: Client, new_tenancy: Any) -> None:
    created(await api.post("/v1/vouchers", VOUCHER, headers=KEY))
    other = await new_tenancy()
    assert "idempotency-replayed" not in (await other.secret.post("/v1/vouchers", VOUCHER, headers=KEY)).headers


async def test_g3_a_key_has_no_second_effect_after_a_day_either(api: Client, owner: Any) -> None:
    created(await api.post("/v1/campaigns", {"name": "A"}, headers=KEY))
    await owner.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert_problem(await api.post("/v1/campaigns", {"name": "A"}, headers=KEY), "idempotency_key_expired")
    assert_problem(await api.post("/v1/campaigns", {"name": "B"}, headers=KEY), "idempotency_key_reused")
    assert await owner.fetchval("SELECT count(*) FROM campaigns") == 1
    created(await api.post("/v1/campaigns", {"name": "C"}, headers={"Idempotency-Key": "another"}))
    assert await owner.fetchval("SELECT count(*) FROM idempotency_keys WHERE body IS NULL") == 1, (
        "its answer is not kept"
    )


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_422_what_is_no_key(api: Client, key: str) -> None:
    body = assert_problem(await api.post("/v1/vouchers", VOUCHER, headers={"Idempotency-Key": key}), "invalid_request")
    assert body["errors"][0]["header"] == "Idempotency-Key"


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/projects"])
async def test_keys_are_replayed_and_yet_not_stored(tenancy: Tenancy, owner: Any, http: Any, path: str) -> None:
    client, body = (tenancy.admin, {"name": "B"}) if path == "/v1/projects" else (tenancy.secret, {})
    first = await client.post(path, body, headers=KEY)
    made = created(first)
    again = await client.post(path, body, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    names = [name for name in ("key", "secret_key", "publishable_key") if name in made]
    kept = bytes(await owner.fetchval("SELECT body FROM idempotency_keys")).decode()
    for name in names:
        assert made[name][6:-6] not in kept
    assert (await Client(http, made[names[0]]).get("/v1/vouchers")).status_code == 200
    assert len({made[name][6:-6] for name in names}) == len(names)
