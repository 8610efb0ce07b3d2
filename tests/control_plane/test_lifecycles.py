"""Lifecycles over HTTP: from a draft to the archive, and what may still come into what is archived."""

import asyncio
from typing import Any

import pytest

from control_plane.context import Context
from control_plane.jobs import worker
from domain.definitions import campaign_key, voucher_key
from store.scripts import Scripts
from tests.control_plane.bulk import counts, send, worked_off
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok

NEXT_YEAR, LAST_YEAR = "2090-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
PERCENT = {"discount_type": "PERCENT", "discount_value": 20}
AREAS = ("campaigns", "loyalty-programs", "referral-programs")
OBJECT = {"campaigns": "campaign", "loyalty-programs": "loyalty_program", "referral-programs": "referral_program"}


async def make(api: Client, area: str = "campaigns", **more: Any) -> str:
    made: str = created(await api.post(f"/v1/{area}", {"name": "N", **more}))["id"]
    return made


async def gone(api: Client, path: str) -> None:
    answer = await api.delete(path)
    assert (answer.status_code, answer.content) == (204, b""), answer.text


async def listed(api: Client, path: str) -> list[str]:
    return [each["id"] for each in ok(await api.get(path))["data"]]


@pytest.mark.parametrize("area", AREAS)
async def test_200_the_whole_life_of_each_kind(api: Client, owner: Any, area: str) -> None:
    one = await make(api, area, status="draft")
    path = f"/v1/{area}/{one}"
    assert_problem(await api.post(f"{path}/pause"), "transition_not_allowed")
    assert_problem(await api.post(f"{path}/end"), "transition_not_allowed")
    life = [("activate", "active"), ("pause", "paused"), ("resume", "active"), ("end", "ended"), ("resume", "active")]
    life += [("archive", "archived"), ("archive", "archived"), ("restore", "paused"), ("resume", "active")]
    for action, status in life:
        shown = ok(await api.post(f"{path}/{action}"))
        assert shown["status"] == status, action
        assert ok(await api.get(path))["status"] == status
    assert shown["version"] == 9
    logged = await owner.fetch("SELECT action FROM audit_log WHERE object_id = $1 ORDER BY created_at, id", one)
    verbs = ["create", "activate", "pause", "resume", "end", "resume", "archive", "restore", "resume"]
    assert [row["action"] for row in logged] == [f"{OBJECT[area]}.{verb}" for verb in verbs]
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


@pytest.mark.parametrize("area", AREAS)
async def test_204_what_was_active_is_archived_and_a_draft_that_is_empty_is_gone(
    api: Client, owner: Any, area: str
) -> None:
    used, draft = await make(api, area), await make(api, area, status="draft")
    key = {"Idempotency-Key": "k"}
    for again in (False, True):
        answer = await api.delete(f"/v1/{area}/{used}", headers=key)
        assert (answer.status_code, answer.content) == (204, b"")
        assert ("idempotency-replayed" in answer.headers) == again
    await gone(api, f"/v1/{area}/{used}")
    assert ok(await api.get(f"/v1/{area}/{used}"))["status"] == "archived"
    await gone(api, f"/v1/{area}/{draft}")
    code = f"{OBJECT[area]}_not_found"
    assert_problem(await api.get(f"/v1/{area}/{draft}"), code)
    assert_problem(await api.delete(f"/v1/{area}/{draft}"), code)
    assert await listed(api, f"/v1/{area}") == []
    assert await listed(api, f"/v1/{area}?status=archived") == [used]
    assert await listed(api, f"/v1/{area}?search=n") == []
    assert await listed(api, f"/v1/{area}?search=n&status=archived") == [used]
    actions = await owner.fetch("SELECT action FROM audit_log WHERE object_id = $1", draft)
    assert {row["action"] for row in actions} == {f"{OBJECT[area]}.{verb}" for verb in ("create", "delete")}


async def test_a_draft_that_something_has_come_into_is_archived(api: Client, context: Context) -> None:
    for body in ({"code": "A"}, None):
        draft = await make(api, status="draft", rules=PERCENT)
        if body is None:
            ok(await api.post("/v1/vouchers/bulk", {"campaign_id": draft, "count": 3}), 202)
        else:
            created(await api.post("/v1/vouchers", {"campaign_id": draft, **body}))
        await gone(api, f"/v1/campaigns/{draft}")
        assert ok(await api.get(f"/v1/campaigns/{draft}"))["status"] == "archived"


async def test_a_draft_that_was_distributed_to_nobody_is_archived(api: Client, context: Context) -> None:
    draft = await make(api, status="draft", rules=PERCENT)
    ok(await api.post("/v1/distributions", {"campaign_id": draft, "segment_id": "nobody"}), 202)
    await worker.work_off(context)
    await gone(api, f"/v1/campaigns/{draft}")
    assert ok(await api.get(f"/v1/campaigns/{draft}"))["status"] == "archived"


async def test_nothing_new_comes_into_what_is_archived(api: Client, context: Context) -> None:
    sale, gifts = await make(api, rules=PERCENT), await make(api, type="GIFT_CARD", card_amount=5)
    tiers, club = await make(api, type="PROMOTION", rules=PERCENT), await make(api, "loyalty-programs")
    friends = await make(api, "referral-programs")
    batches = [
        ok(await api.post(f"/v1/{path}", {"campaign_id": id_, "count": 3}), 202)["async_action_id"]
        for path, id_ in (("vouchers/bulk", sale), ("gift-cards/batch", gifts))
    ]
    for area, ids in (
        ("campaigns", (sale, gifts, tiers)),
        ("loyalty-programs", (club,)),
        ("referral-programs", (friends,)),
    ):
        for id_ in ids:
            ok(await api.post(f"/v1/{area}/{id_}/archive"))
    for path, body in {
        "/v1/vouchers": {"campaign_id": sale},
        "/v1/vouchers/bulk": {"campaign_id": sale, "count": 5},
        "/v1/gift-cards": {"campaign_id": gifts},
        "/v1/gift-cards/batch": {"campaign_id": gifts, "count": 5},
        "/v1/promotion-tiers": {"name": "T", "campaign_id": tiers},
        f"/v1/loyalty-programs/{club}/cards": {"customer_id": "ann"},
        f"/v1/referral-programs/{friends}/codes": {"customer_id": "ann"},
    }.items():
        assert_problem(await api.post(path, body), "archived")
    assert_problem(await api.patch(f"/v1/campaigns/{sale}", {"name": "New"}), "archived")
    action_id = await send(api, "/v1/vouchers/import", f"code,campaign_id\nA,{sale}\n")
    shown = await worked_off(api, context, action_id)
    assert (counts(shown), shown["failures"][0]["reason"][:9]) == (("done", 1, 0, 1), "archived:")
    # What was on its way comes to nothing, and says why.
    for batch in batches:
        shown = ok(await api.get(f"/v1/async-actions/{batch}"))
        assert counts(shown) == ("done", 3, 0, 3)
        assert shown["failures"][2] == {"row": 3, "code": "", "reason": shown["failures"][0]["reason"]}


async def test_campaigns_by_the_status_that_they_have_at_the_clock(api: Client) -> None:
    made = {
        "draft": await make(api, status="draft", rules={"starts_at": NEXT_YEAR}),
        "scheduled": await make(api, rules={"starts_at": NEXT_YEAR}),
        "active": await make(api, rules={"starts_at": LAST_YEAR, "expires_at": NEXT_YEAR}),
        "paused": await make(api),
        "ended": await make(api, rules={"expires_at": LAST_YEAR}),
        "archived": await make(api),
    }
    by_hand = await make(api, type="PROMOTION")
    ok(await api.post(f"/v1/campaigns/{made['paused']}/pause"))
    ok(await api.post(f"/v1/campaigns/{made['archived']}/archive"))
    ok(await api.post(f"/v1/campaigns/{by_hand}/end"))
    for status, one in made.items():
        wanted = [by_hand, one] if status == "ended" else [one]
        assert ok(await api.get(f"/v1/campaigns/{one}"))["status"] == status
        assert await listed(api, f"/v1/campaigns?status={status}") == wanted
        assert sorted(await listed(api, f"/v1/campaigns?status={status}&search=n")) == sorted(wanted)
    assert await listed(api, "/v1/campaigns?status=ended&type=DISCOUNT") == [made["ended"]]
    assert await listed(api, "/v1/campaigns?status=archived&type=PROMOTION") == []
    assert len(await listed(api, "/v1/campaigns")) == 6
    assert_problem(await api.get("/v1/campaigns?status=gone"), "invalid_request")


async def test_lists_by_when_things_were_made(api: Client, owner: Any) -> None:
    ids = [await make(api) for _ in range(5)]
    for number, one in enumerate(ids):
        await owner.execute(
            "UPDATE campaigns SET created_at = '2026-01-01'::timestamptz + $2::int * interval '1 day' WHERE id = $1",
            one,
            number,
        )
    between = "created_from=2026-01-02T00:00:00Z&created_before=2026-01-05T00:00:00Z"
    wanted = [ids[3], ids[2], ids[1]]
    assert await listed(api, f"/v1/campaigns?{between}") == wanted
    assert sorted(await listed(api, f"/v1/campaigns?{between}&search=n")) == sorted(wanted)
    first = ok(await api.get(f"/v1/campaigns?{between}&limit=2"))
    rest = await listed(api, f"/v1/campaigns?{between}&limit=2&cursor={first['next_cursor']}")
    assert [each["id"] for each in first["data"]] + rest == wanted
    assert_problem(await api.get("/v1/campaigns?created_from=yesterday"), "invalid_request")


async def test_204_a_voucher_is_archived_for_ever(api: Client, scripts: Scripts, tenancy: Tenancy, owner: Any) -> None:
    created(await api.post("/v1/vouchers", {"code": "A", "customer_id": "ann", **PERCENT}))
    kept = created(await api.post("/v1/vouchers", {"code": "B", "customer_id": "ann", **PERCENT}))["id"]
    for _ in range(2):
        await gone(api, "/v1/vouchers/a")
    shown = ok(await api.get("/v1/vouchers/A"))
    assert (shown["status"], shown["version"]) == ("archived", 2)
    for query in ("", "?customer_id=ann", "?search=", "?status=active"):
        path = f"/v1/vouchers{query}{'a' if query.endswith('search=') else ''}"
        assert await listed(api, path) == ([] if "search" in query else [kept]), query
    for query in ("status=archived", "status=archived&customer_id=ann", "status=archived&search=a"):
        assert await listed(api, f"/v1/vouchers?{query}") == [shown["id"]]
    assert [each["code"] for each in ok(await api.get("/v1/customers/ann/wallet"))["vouchers"]] == ["B"]
    for path, body in (("", {"metadata": {"a": 1}}), ("/enable", None), ("/disable", None)):
        call = api.patch if body else api.post
        assert_problem(await call(f"/v1/vouchers/A{path}", body), "archived")
    assert_problem(await api.post("/v1/vouchers", {"code": "A", **PERCENT}), "code_taken")
    _, _, (found,) = await scripts.peek(tenancy.project_id, [voucher_key(tenancy.project_id, "A")])
    assert found is None or found.version == 2
    last = await owner.fetchrow("SELECT before, after FROM audit_log WHERE action = 'voucher.archive'")
    assert (last["before"]["status"], last["after"]["status"]) == ("active", "archived")
    assert_problem(await api.delete("/v1/vouchers/NOBODY"), "voucher_not_found")


async def test_204_a_tier_is_archived_for_ever(api: Client) -> None:
    one = created(await api.post("/v1/promotion-tiers", {"name": "Ten", **PERCENT}))["id"]
    other = created(await api.post("/v1/promotion-tiers", {"name": "Tens", **PERCENT}))["id"]
    ok(await api.post(f"/v1/promotion-tiers/{one}/disable"))
    assert await listed(api, "/v1/promotion-tiers?status=disabled") == [one]
    assert await listed(api, "/v1/promotion-tiers?search=TEN&status=active") == [other]
    for _ in range(2):
        await gone(api, f"/v1/promotion-tiers/{one}")
    assert ok(await api.get(f"/v1/promotion-tiers/{one}"))["status"] == "archived"
    assert await listed(api, "/v1/promotion-tiers") == [other]
    assert await listed(api, "/v1/promotion-tiers?search=ten") == [other]
    assert await listed(api, "/v1/promotion-tiers?status=archived") == [one]
    assert_problem(await api.post(f"/v1/promotion-tiers/{one}/enable"), "archived")
    assert_problem(await api.patch(f"/v1/promotion-tiers/{one}", {"hierarchy": 3}), "archived")


async def test_a_gift_card_is_archived_only_without_money_that_can_be_spent(api: Client) -> None:
    codes = {}
    for name, act in (("full", None), ("blocked", "block"), ("expired", "expire")):
        codes[name] = created(await api.post("/v1/gift-cards", {"amount": 50}))["code"]
        if act:
            ok(await api.post(f"/v1/gift-cards/{codes[name]}/{act}"))
    codes["idle"] = created(await api.post("/v1/gift-cards", {"amount": 50, "active": False}))["code"]
    for name in ("full", "idle"):
        assert_problem(await api.delete(f"/v1/gift-cards/{codes[name]}"), "card_not_empty")
    assert len(await listed(api, "/v1/gift-cards?status=blocked")) == 1
    for name in ("blocked", "expired"):
        path = f"/v1/gift-cards/{codes[name]}"
        await gone(api, path)
        await gone(api, path)
        assert ok(await api.get(path))["status"] == "archived"
        for verb in ("activate", "block", "unblock", "expire"):
            assert_problem(await api.post(f"{path}/{verb}"), "archived")
        assert_problem(await api.post(f"{path}/top-up", {"amount": 5}), "archived")
        assert_problem(await api.patch(path, {"metadata": {}}), "archived")
    assert len(await listed(api, "/v1/gift-cards")) == 2
    assert len(await listed(api, "/v1/gift-cards?status=archived")) == 2
    assert await listed(api, "/v1/gift-cards?status=expired") == []


async def test_a_draft_is_in_force_as_one(api: Client, scripts: Scripts, tenancy: Tenancy) -> None:
    one = await make(api, status="draft", rules=PERCENT)
    ok(await api.post(f"/v1/campaigns/{one}/activate"))
    _, _, (found,) = await scripts.peek(tenancy.project_id, [campaign_key(one)])
    assert found is None or found.version == 2
    for status in ("active", "draft"):
        created(await api.post("/v1/campaigns", {"name": "N", "status": status}))
    for wrong in ("paused", "scheduled", "", 1, None):
        assert_problem(await api.post("/v1/campaigns", {"name": "N", "status": wrong}), "invalid_request", "/status")


async def test_a_rule_is_deleted_when_nothing_names_it_any_more(api: Client, owner: Any) -> None:
    async def rule(name: str) -> str:
        made = await api.post("/v1/validation-rules", {"name": name, "rule": {"order.amount": {"gte": 5}}})
        return str(created(made)["id"])

    used, other = await rule("Used"), await rule("other")
    path, by = f"/v1/validation-rules/{used}", {"validation_rules": [used]}
    sale = await make(api, rules={**PERCENT, "validation_rules": [used, other]})
    club = await make(api, "loyalty-programs", rules=by)
    voucher = created(await api.post("/v1/vouchers", {"code": "A", **PERCENT, **by}))["id"]
    tier = created(await api.post("/v1/promotion-tiers", {"name": "T", **PERCENT, **by}))["id"]

    async def named() -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        cursor = ""
        while True:
            body = ok(await api.get(f"{path}/assignments?limit=3{cursor}"))
            found += [(each["related_object"], each["related_id"]) for each in body["data"]]
            if body["next_cursor"] is None:
                return found
            cursor = f"&cursor={body['next_cursor']}"

    both = [("campaign", sale), ("loyalty_program", club)]
    assert await named() == [("promotion_tier", tier), ("voucher", voucher), *reversed(both)]
    assert_problem(await api.delete(path), "rule_in_use")
    ok(await api.patch("/v1/vouchers/A", {"validation_rules": [other]}))
    assert_problem(await api.delete(f"/v1/validation-rules/{other}"), "rule_in_use")
    await gone(api, f"/v1/promotion-tiers/{tier}")  # never in force again, so it needs no rule
    await gone(api, f"/v1/campaigns/{sale}")  # can be restored
    assert sorted(await named()) == sorted(both)
    ok(await api.post(f"/v1/campaigns/{sale}/restore"))
    ok(await api.patch(f"/v1/campaigns/{sale}", {"rules": {"validation_rules": [other]}}))
    ok(await api.patch(f"/v1/loyalty-programs/{club}", {"rules": {"validation_rules": None}}))
    assert await named() == []
    assert await listed(api, "/v1/validation-rules?search=us") == [used]
    await gone(api, path)
    for answer in (await api.get(path), await api.delete(path), await api.get(f"{path}/assignments")):
        assert_problem(answer, "validation_rule_not_found")
    assert await listed(api, "/v1/validation-rules?search=us") == []
    refused = await api.post("/v1/vouchers", {"code": "B", **PERCENT, **by})
    assert_problem(refused, "invalid_request", "/validation_rules/0")
    assert await owner.fetchval("SELECT count(*) FROM outbox WHERE applied_at IS NULL") == 0


async def test_a_rule_is_not_deleted_while_somebody_names_it(api: Client) -> None:
    """Either the voucher has its rule, or the rule is gone and the voucher refused: never a voucher of no rule."""
    for number in range(6):
        made = await api.post("/v1/validation-rules", {"name": "R", "rule": {"order.amount": {"gte": 5}}})
        rule = created(made)["id"]
        body = {"code": f"R{number}", **PERCENT, "validation_rules": [rule]}
        named, deleted = await asyncio.gather(
            api.post("/v1/vouchers", body), api.delete(f"/v1/validation-rules/{rule}")
        )
        assert (named.status_code, deleted.status_code) in ((201, 409), (422, 204)), (named.text, deleted.text)


async def test_a_draft_is_not_deleted_while_something_comes_into_it(api: Client) -> None:
    for number in range(6):
        draft = await make(api, status="draft", rules=PERCENT)
        body = {"code": f"D{number}", "campaign_id": draft}
        made, deleted = await asyncio.gather(api.post("/v1/vouchers", body), api.delete(f"/v1/campaigns/{draft}"))
        assert deleted.status_code == 204
        shown = await api.get(f"/v1/campaigns/{draft}")
        assert (made.status_code, shown.status_code) in ((201, 200), (404, 404)), (made.text, shown.text)


async def test_200_metadata_of_loyalty_cards_and_referral_codes(api: Client, owner: Any) -> None:
    club, friends = await make(api, "loyalty-programs"), await make(api, "referral-programs")
    card = created(await api.post(f"/v1/loyalty-programs/{club}/cards", {"customer_id": "ann"}))
    code = created(await api.post(f"/v1/referral-programs/{friends}/codes", {"customer_id": "ann"}))
    code_path = f"/v1/referral-programs/{friends}/codes/{code['code']}"
    for path in (f"/v1/loyalty-cards/{card['code']}", code_path):
        for given, kept in (({"a": 1.50}, {"a": 1.5}), (None, {})):
            assert ok(await api.patch(path, {"metadata": given}))["metadata"] == kept
            assert ok(await api.get(path))["metadata"] == kept
        assert ok(await api.patch(path, {}))["version"] == 1
        assert_problem(await api.patch(path, {"code": "X"}), "invalid_request", "/code")
    assert_problem(await api.get(f"/v1/referral-programs/{friends}/codes/NOBODY"), "referral_code_not_found")
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action LIKE '%.update'") == 4


async def test_cards_and_codes_of_a_program_by_status_customer_and_the_beginning_of_the_code(api: Client) -> None:
    club, friends = await make(api, "loyalty-programs"), await make(api, "referral-programs")
    others = await make(api, "loyalty-programs")
    created(await api.post(f"/v1/loyalty-programs/{others}/cards", {"customer_id": "ann", "code": "CARD-9"}))
    ids = {}
    for who in ("ann", "bob"):
        body = {"customer_id": who, "code": f"CARD-{who}"}
        ids[who] = created(await api.post(f"/v1/loyalty-programs/{club}/cards", body))["id"]
        code = created(await api.post(f"/v1/referral-programs/{friends}/codes", {"customer_id": who, "prefix": who}))
        ids[f"code {who}"] = code["id"]
    ok(await api.post("/v1/loyalty-cards/CARD-BOB/block"))
    ok(await api.post(f"/v1/referral-programs/{friends}/codes/{ids['code bob']}/disable"))
    cards, codes = f"/v1/loyalty-programs/{club}/cards", f"/v1/referral-programs/{friends}/codes"
    assert await listed(api, cards) == [ids["bob"], ids["ann"]]
    assert await listed(api, f"{cards}?search=card-") == [ids["ann"], ids["bob"]]
    assert await listed(api, f"{cards}?search=card-&customer_id=bob") == [ids["bob"]]
    assert await listed(api, f"{cards}?status=blocked") == [ids["bob"]]
    assert await listed(api, f"{cards}?customer_id=ann") == [ids["ann"]]
    assert await listed(api, f"{codes}?status=active") == [ids["code ann"]]
    assert await listed(api, f"{codes}?search=bob") == [ids["code bob"]]
    assert await listed(api, f"{codes}?customer_id=bob") == [ids["code bob"]]
    assert_problem(await api.get(f"{cards}?program_id={others}"), "invalid_request")
    assert_problem(await api.get(f"{codes}?program_id={friends}"), "invalid_request")
