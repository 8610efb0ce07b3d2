"""Publications: a customer is given what nobody has, once where once is asked for, whoever asks at the same moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from control_plane.clock import now_ms
from control_plane.context import Context
from control_plane.jobs import worker
from tests.control_plane.client import Client, Tenancy, assert_problem, created, ok
from tests.servers.waiting import eventually

PERCENT = {"discount_type": "PERCENT", "discount_value": 20}

Campaign = Callable[..., Awaitable[str]]


@pytest.fixture
def campaign(api: Client, context: Context) -> Campaign:
    """Makes a campaign with so many codes; its id."""

    async def make(codes: int = 0, **fields: Any) -> str:
        made = created(await api.post("/v1/campaigns", {"name": "Welcome", "rules": PERCENT, **fields}))
        if codes:
            ok(await api.post("/v1/vouchers/bulk", {"campaign_id": made["id"], "count": codes}), 202)
            await worker.work_off(context)
        return str(made["id"])

    return make


async def give(api: Client, campaign_id: str, customer_id: str = "cust_1", **more: Any) -> httpx.Response:
    return await api.post("/v1/publications", {"campaign_id": campaign_id, "customer_id": customer_id, **more})


async def test_a_customer_is_given_a_code_that_nobody_has(api: Client, campaign: Campaign) -> None:
    id_ = await campaign(3)
    given = created(await give(api, id_, once=True, metadata={"by": "mail"}))
    assert given["object"] == "publication"
    assert given["id"].startswith("pub_")
    assert (given["campaign_id"], given["customer_id"], given["once"]) == (id_, "cust_1", True)
    assert given["redeemable"] == {"object": "voucher", "id": given["voucher_id"]}
    assert given["metadata"] == {"by": "mail"}
    voucher = ok(await api.get(f"/v1/vouchers/{given['code']}"))
    assert (voucher["id"], voucher["customer_id"], voucher["version"]) == (given["voucher_id"], "cust_1", 2)
    assert ok(await api.get("/v1/customers/cust_1"))["updated_at"] is None
    wallet = ok(await api.get("/v1/customers/cust_1/wallet"))
    assert [each["code"] for each in wallet["vouchers"]] == [given["code"]]
    assert ok(await api.get(f"/v1/publications/{given['id']}")) == given


async def test_once_is_once_and_otherwise_it_is_another_code(api: Client, campaign: Campaign) -> None:
    id_ = await campaign(5)
    first = created(await give(api, id_))
    assert ok(await give(api, id_, once=True)) == first
    second = created(await give(api, id_, once=False))
    assert second["code"] != first["code"]
    assert ok(await give(api, id_, once=True)) == first
    other = created(await give(api, id_, "cust_2", once=True))
    assert other["code"] not in (first["code"], second["code"])


async def test_64_at_once_give_one_customer_one_code(api: Client, campaign: Campaign, owner: Any) -> None:
    id_ = await campaign(80)
    answers = await asyncio.gather(*(give(api, id_, once=True) for _ in range(64)))
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.json()["code"] for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM publications WHERE campaign_id = $1", id_) == 1
    assert await owner.fetchval("SELECT count(*) FROM vouchers WHERE campaign_id = $1 AND customer_id <> ''", id_) == 1


async def test_64_customers_at_once_get_all_of_40_codes_each_once(api: Client, campaign: Campaign, owner: Any) -> None:
    id_ = await campaign(40)
    answers = await asyncio.gather(*(give(api, id_, f"cust_{n}", once=True) for n in range(64)))
    given = [answer.json()["code"] for answer in answers if answer.status_code == 201]
    assert (len(given), len(set(given))) == (40, 40)
    for answer in answers:
        if answer.status_code != 201:
            assert_problem(answer, "no_code_left")
    rows = await owner.fetch("SELECT customer_id, code FROM publications WHERE campaign_id = $1", id_)
    held = await owner.fetch("SELECT customer_id, code FROM vouchers WHERE campaign_id = $1", id_)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, held))


async def test_where_none_is_left_nothing_is_done(api: Client, campaign: Campaign, owner: Any) -> None:
    id_ = await campaign(1)
    created(await give(api, id_, "cust_1"))
    assert_problem(await give(api, id_, "cust_2", once=True), "no_code_left")
    assert await owner.fetchval("SELECT count(*) FROM publications WHERE campaign_id = $1", id_) == 1
    assert await owner.fetchval("SELECT count(*) FROM audit_log WHERE action = 'publication.create'") == 1


async def test_the_last_code_is_waited_for_while_another_has_it_in_hand(
    api: Client, campaign: Campaign, owner: Any
) -> None:
    id_ = await campaign(1)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("SELECT FROM vouchers WHERE campaign_id = $1 FOR UPDATE", id_)
    asking = asyncio.create_task(give(api, id_))

    waited_for = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await eventually(lambda: owner.fetchval(waited_for), "another who wants the code")
    await transaction.rollback()
    created(await asking)


async def test_what_is_used_expired_disabled_or_given_is_not_given_and_passed_over_once(
    api: Client, campaign: Campaign, owner: Any
) -> None:
    id_ = await campaign(2)
    used, late = [each["code"] for each in ok(await api.get(f"/v1/vouchers?campaign_id={id_}"))["data"]]
    await owner.execute(
        "UPDATE counters SET granted = 1 WHERE id = 'r:' || (SELECT id FROM vouchers WHERE code = $1)", used
    )
    await owner.execute(
        "UPDATE vouchers SET rules = rules || jsonb_build_object('expires_ms', $2::bigint) WHERE code = $1",
        late,
        now_ms() - 1,
    )
    own = {"campaign_id": id_, **PERCENT}
    off = created(await api.post("/v1/vouchers", {**own, "code": "OFF"}))
    ok(await api.post(f"/v1/vouchers/{off['code']}/disable"))
    created(await api.post("/v1/vouchers", {**own, "code": "HERS", "customer_id": "cust_9"}))
    assert_problem(await give(api, id_), "no_code_left")
    passed = "SELECT array_agg(code ORDER BY code) FROM vouchers WHERE campaign_id = $1 AND is_passed_over"
    assert await owner.fetchval(passed, id_) == sorted([used, late])

    created(await api.post("/v1/vouchers", {**own, "code": "FREE"}))
    assert created(await give(api, id_))["code"] == "FREE"
    ok(await api.patch(f"/v1/vouchers/{late}", {"expires_at": None}))
    assert created(await give(api, id_))["code"] == late


async def test_what_somebody_has_had_is_given_to_nobody_else(api: Client, campaign: Campaign) -> None:
    id_ = await campaign(1)
    had = created(await give(api, id_))
    ok(await api.patch(f"/v1/vouchers/{had['code']}", {"customer_id": None}))
    assert_problem(await give(api, id_, "cust_2"), "no_code_left")
    cards = created(await api.post("/v1/campaigns", {"name": "C", "type": "GIFT_CARD", "card_amount": 25}))["id"]
    created(await api.post("/v1/gift-cards", {"campaign_id": cards}))
    card = created(await give(api, cards))
    ok(await api.patch(f"/v1/gift-cards/{card['code']}", {"customer_id": None}))
    assert_problem(await give(api, cards, "cust_2"), "no_code_left")


async def test_a_campaign_may_make_a_code_where_none_is_left(api: Client, campaign: Campaign) -> None:
    id_ = await campaign(1, auto_issue=True)
    assert ok(await api.get(f"/v1/campaigns/{id_}"))["auto_issue"] is True
    given = [created(await give(api, id_, f"cust_{n}", once=True)) for n in range(3)]
    assert len({each["code"] for each in given}) == 3
    assert all(len(each["code"]) == 12 for each in given)
    made = ok(await api.get(f"/v1/vouchers/{given[2]['code']}"))
    assert (made["customer_id"], made["campaign_id"], made["redemptions"]["limit"]) == ("cust_2", id_, 1)
    assert ok(await api.patch(f"/v1/campaigns/{id_}", {"auto_issue": False}))["auto_issue"] is False
    assert_problem(await give(api, id_, "cust_4"), "no_code_left")


@pytest.mark.parametrize(
    ("type_", "fields"),
    [("PROMOTION", {"rules": PERCENT}), ("GIFT_CARD", {}), ("DISCOUNT", {})],
)
async def test_auto_issue_takes_what_a_new_code_would_have(api: Client, type_: str, fields: dict[str, Any]) -> None:
    body = {"name": "A", "type": type_, "auto_issue": True, **fields}
    assert_problem(await api.post("/v1/campaigns", body), "invalid_request", "/auto_issue")


async def test_of_a_gift_card_campaign_a_card_is_given(api: Client) -> None:
    cards = created(await api.post("/v1/campaigns", {"name": "C", "type": "GIFT_CARD", "card_amount": 25}))["id"]
    assert_problem(await give(api, cards), "no_code_left")
    stock = created(await api.post("/v1/gift-cards", {"campaign_id": cards}))
    created(await api.post("/v1/gift-cards", {"campaign_id": cards, "active": False}))
    given = created(await give(api, cards, once=True))
    assert (given["code"], given["voucher_id"]) == (stock["code"], None)
    assert given["redeemable"] == {"object": "gift_card", "id": stock["id"]}
    assert ok(await api.get(f"/v1/gift-cards/{given['code']}"))["customer_id"] == "cust_1"
    assert_problem(await give(api, cards, "cust_2"), "no_code_left")
    ok(await api.patch(f"/v1/campaigns/{cards}", {"auto_issue": True}))
    made = created(await give(api, cards, "cust_2"))
    card = ok(await api.get(f"/v1/gift-cards/{made['code']}"))
    assert (card["customer_id"], card["balance"], card["campaign_id"]) == ("cust_2", 25, cards)
    assert_problem(await api.patch(f"/v1/campaigns/{cards}", {"card_amount": None}), "invalid_request", "/auto_issue")


async def test_of_a_program_a_customer_has_one(api: Client) -> None:
    club = created(await api.post("/v1/loyalty-programs", {"name": "Club"}))["id"]
    friends = created(await api.post("/v1/referral-programs", {"name": "Friends", "rules": PERCENT}))["id"]
    card = created(await give(api, club))
    assert card["redeemable"]["object"] == "loyalty_card"
    assert ok(await give(api, club, once=False)) == card
    assert ok(await api.get(f"/v1/loyalty-cards/{card['code']}"))["customer_id"] == "cust_1"
    code = created(await give(api, friends, once=True))
    assert code["redeemable"]["object"] == "referral_code"
    listed = ok(await api.get(f"/v1/referral-programs/{friends}/codes"))["data"]
    assert [(each["code"], each["customer_id"]) for each in listed] == [(code["code"], "cust_1")]


async def test_what_cannot_be_given(api: Client, campaign: Campaign) -> None:
    tiers = created(await api.post("/v1/campaigns", {"name": "T", "type": "PROMOTION", "rules": PERCENT}))["id"]
    assert_problem(await give(api, tiers), "invalid_request", "/campaign_id")
    over = await campaign(1, rules={**PERCENT, "starts_at": "2001-01-01", "expires_at": "2002-01-01"})
    assert_problem(await give(api, over), "voucher_expired")
    nowhere = "0" * 26
    assert_problem(await give(api, f"cmp_{nowhere}"), "campaign_not_found")
    assert_problem(await give(api, f"lty_{nowhere}"), "loyalty_program_not_found")
    assert_problem(await give(api, f"ref_{nowhere}"), "referral_program_not_found")
    assert_problem(await api.get(f"/v1/publications/pub_{nowhere}"), "publication_not_found")
    assert_problem(await give(api, over, "a\0"), "invalid_request", "/customer_id")
    body = {"campaign_id": 5, "customer_id": "", "once": "yes", "metadata": [], "code": "X"}
    pointers = ("/campaign_id", "/customer_id", "/once", "/metadata", "/code")
    assert_problem(await api.post("/v1/publications", body), "invalid_request", *pointers)


async def test_g3_one_key_gives_one_code(api: Client, campaign: Campaign, owner: Any) -> None:
    id_ = await campaign(5)
    body, headers = {"campaign_id": id_, "customer_id": "cust_1"}, {"Idempotency-Key": "give-1"}
    first = await api.post("/v1/publications", body, headers=headers)
    again = await api.post("/v1/publications", body, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await owner.fetchval("SELECT count(*) FROM publications WHERE campaign_id = $1", id_) == 1


async def test_g5_another_tenant_neither_gives_nor_sees(
    api: Client, campaign: Campaign, new_tenancy: Callable[[], Awaitable[Tenancy]]
) -> None:
    id_, other = await campaign(1), (await new_tenancy()).secret
    assert_problem(await give(other, id_), "campaign_not_found")
    given = created(await give(api, id_))
    assert_problem(await other.get(f"/v1/publications/{given['id']}"), "publication_not_found")
    assert ok(await other.get("/v1/publications"))["data"] == []


async def test_the_list_is_newest_first_and_narrowed(api: Client, campaign: Campaign) -> None:
    one, two = await campaign(4), await campaign(4)
    given = [created(await give(api, id_, who)) for who in ("ann", "bob") for id_ in (one, one, two)]

    async def found(query: str) -> list[str]:
        return [each["id"] for each in ok(await api.get(f"/v1/publications?{query}"))["data"]]

    ids = [each["id"] for each in reversed(given)]
    assert await found("") == ids
    assert await found(f"campaign_id={two}") == [ids[0], ids[3]]
    assert await found("customer_id=ann") == ids[3:]
    assert await found(f"customer_id=ann&campaign_id={one}") == ids[4:]
    assert await found(f"redeemable_id={given[0]['voucher_id']}") == [ids[5]]
    assert await found(f"redeemable_id={given[0]['voucher_id']}&customer_id=bob") == []
    assert await found("distribution_id=dst_x") == []
    page = ok(await api.get("/v1/publications?limit=4"))
    rest = ok(await api.get(f"/v1/publications?limit=4&cursor={page['next_cursor']}"))
    assert [each["id"] for each in page["data"] + rest["data"]] == ids
    assert rest["next_cursor"] is None
