"""G5: what is another project's is found nowhere, in whatever place its id or its code is put."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from store.database import owner_connection
from tests.control_plane.client import Client, created, ok
from tests.servers.stack import RunningStack
from tests.servers.waiting import eventually

from .census import changed, ledger_census
from .provoked_cards import gift_card
from .provoking import NOWHERE, Shop, assert_refused, unique

WHOSE = "cust_of_another"


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


class Other:
    """A project that has one of everything, and a customer who has used all of it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.ids: dict[str, str] = {}
        self.codes: dict[str, str] = {}

    async def fill(self) -> None:
        """One of each kind: ids and codes by what they are of."""
        post = self.shop.post
        discount = {"discount_type": "AMOUNT", "discount_value": 5}
        gift = created(await post("/v1/gift-cards", {"amount": 50, "customer_id": WHOSE}))
        terms = {"spending": {"points": 10, "amount": 1}, "earning_rules": [{"event": "review.written", "points": 5}]}
        club = created(await post("/v1/loyalty-programs", {"name": "Club", **terms}))["id"]
        star = created(await post(f"/v1/loyalty-programs/{club}/cards", {"customer_id": WHOSE}))
        ok(await post(f"/v1/loyalty-cards/{star['code']}/adjust", {"points": 500, "reason": "Welcome"}))
        reward = {"type": "points", "program_id": club, "points": 5}
        terms = {"name": "Friends", "rules": discount, "referrer_reward": reward}
        friends = created(await post("/v1/referral-programs", terms))["id"]
        referral = created(await post(f"/v1/referral-programs/{friends}/codes", {"customer_id": WHOSE}))
        tier = created(await post("/v1/promotion-tiers", {"name": "Tier", **discount}))["id"]
        campaign = created(await post("/v1/campaigns", {"name": "Vouchers", "rules": discount}))["id"]
        cards = created(await post("/v1/campaigns", {"name": "Cards", "type": "GIFT_CARD", "card_amount": 5}))["id"]
        self.ids = {
            "gift_card": gift["id"],
            "loyalty_card": star["id"],
            "referral_code": referral["id"],
            "promotion_tier": tier,
            "loyalty_program": club,
            "referral_program": friends,
            "campaign": campaign,
            "gift_card_campaign": cards,
        }
        self.codes = {"gift_card": gift["code"], "loyalty_card": star["code"], "referral_code": referral["code"]}
        customer = {"id": unique("bob")}
        code = self.codes["referral_code"]
        self.redemption = ok(await post(f"/v1/vouchers/{code}/redeem", {"order_value": 50, "customer": customer}))["id"]

        async def is_attributed() -> bool:
            shown = ok(await self.shop.get(f"/v1/referral-programs/{friends}/attributions"))["data"]
            return bool(shown) and shown[0]["rewards"][0]["status"] == "issued"

        await eventually(is_attributed, "the reward")


async def nowhere(api: Client, other: Other) -> None:
    """Each place that takes a reference, with every reference of the other's."""
    for kind, path in (("gift_card", "/v1/gift-cards"), ("loyalty_card", "/v1/loyalty-cards")):
        for reference in (other.ids[kind], other.codes[kind], other.codes[kind].lower()):
            for call in (api.get(f"{path}/{reference}"), api.get(f"{path}/{reference}/transactions")):
                assert_refused(await call, f"{kind}_not_found")
            for verb in ("block", "unblock"):
                assert_refused(await api.post(f"{path}/{reference}/{verb}"), f"{kind}_not_found")
    for reference in (other.ids["gift_card"], other.codes["gift_card"]):
        path = f"/v1/gift-cards/{reference}"
        assert_refused(await api.patch(path, {"customer_id": "me"}), "gift_card_not_found")
        assert_refused(await api.post(f"{path}/top-up", {"amount": 5}), "gift_card_not_found")
        for verb in ("activate", "expire"):
            assert_refused(await api.post(f"{path}/{verb}"), "gift_card_not_found")
    for reference in (other.ids["loyalty_card"], other.codes["loyalty_card"]):
        for points in (5, -5):
            body = {"points": points, "reason": "Mine"}
            assert_refused(await api.post(f"/v1/loyalty-cards/{reference}/adjust", body), "loyalty_card_not_found")
    tier = f"/v1/promotion-tiers/{other.ids['promotion_tier']}"
    for call in (api.get(tier), api.patch(tier, {"name": "Mine"}), api.post(f"{tier}/disable")):
        assert_refused(await call, "promotion_tier_not_found")
    for kind in ("loyalty_program", "referral_program"):
        path = f"/v1/{kind.replace('_', '-')}s/{other.ids[kind]}"
        lists = ("cards",) if kind == "loyalty_program" else ("codes", "attributions")
        calls = [
            api.get(path),
            api.patch(path, {"name": "Mine"}),
            api.post(f"{path}/pause"),
            api.post(f"{path}/resume"),
        ]
        calls += [api.get(f"{path}/{name}") for name in lists]
        calls.append(api.post(f"{path}/{lists[0]}", {"customer_id": "me"}))
        for call in calls:
            assert_refused(await call, f"{kind}_not_found")


async def named_nowhere(api: Client, other: Other) -> None:
    """Each body that names something, with what is the other's."""
    ids = other.ids
    for campaign in (ids["gift_card_campaign"], ids["campaign"]):
        for path, body in (
            ("/v1/gift-cards", {"amount": 5}),
            ("/v1/gift-cards/batch", {"amount": 5, "count": 1}),
            ("/v1/promotion-tiers", {"name": "Mine", "discount_value": 5}),
            ("/v1/vouchers", {}),
        ):
            assert_refused(await api.post(path, {**body, "campaign_id": campaign}), "campaign_not_found")
    for reward, pointer in (
        ({"type": "voucher", "campaign_id": ids["campaign"]}, "/referee_reward/campaign_id"),
        ({"type": "points", "program_id": ids["loyalty_program"], "points": 5}, "/referee_reward/program_id"),
    ):
        answer = await api.post("/v1/referral-programs", {"name": "Mine", "referee_reward": reward})
        assert_refused(answer, "invalid_request", pointer)
    mine = f"/v1/referral-programs/{created(await api.post('/v1/referral-programs', {'name': 'Mine'}))['id']}"
    for reference in (ids["referral_code"], other.codes["referral_code"]):
        for verb in ("disable", "enable"):
            assert_refused(await api.post(f"{mine}/codes/{reference}/{verb}"), "referral_code_not_found")
    for path in ("gift-cards", "promotion-tiers"):
        for name in ("campaign", "gift_card_campaign"):
            assert ok(await api.get(f"/v1/{path}?campaign_id={ids[name]}"))["data"] == []
    for path in ("gift-cards", "vouchers"):
        assert ok(await api.get(f"/v1/{path}?customer_id={WHOSE}"))["data"] == []
    assert_refused(await api.post(f"/v1/redemptions/{other.redemption}/rollback"), "redemption_not_found")


async def redeemed_nowhere(some: Shop, other: Other) -> None:
    """Each way to spend, with the other's codes and tiers; the answer is that of what does not exist."""
    customer = {"customer": {"id": WHOSE}}
    own = {"object": "voucher", "id": await some.voucher()}
    wanted = [{"object": kind, "id": code} for kind, code in other.codes.items()]
    wanted.append({"object": "promotion_tier", "id": other.ids["promotion_tier"]})
    for one in wanted:
        code = f"{one['object']}_not_found"
        for body in ({"redeemables": [one]}, {"redeemables": [own, one]}):
            asked = {**body, **customer, "order": {"amount": 50}}
            assert_refused(await some.post("/v1/redemptions", asked), code)
            assert_refused(await some.post("/v1/reservations", {**asked, "session": unique("s")}), code)
            for api in (some.secret, some.publishable):
                seen = ok(await api.post("/v1/validations", asked))
                assert (seen["valid"], seen["redeemables"][-1]["code"]) == (False, code)
    for reference in [*other.codes.values(), *other.ids.values()]:
        short = {"order_value": 50, "customer_id": WHOSE}
        assert_refused(await some.post(f"/v1/vouchers/{reference}/redeem", short), "voucher_not_found")
        for api in (some.secret, some.publishable):
            seen = ok(await api.post(f"/v1/vouchers/{reference}/validate", short))
            assert (seen["valid"], seen["code"]) == (False, "voucher_not_found")


async def test_g5_nothing_of_another_projects_is_found_anywhere(shop: Shop) -> None:
    other, some = Other(await shop.project()), await shop.project()
    await other.fill()
    stranger = shop.account("pro")
    for mine in (some, stranger):
        before = await ledger_census(shop)
        await nowhere(mine.secret, other)
        assert not changed(before, await ledger_census(shop))
        await named_nowhere(mine.secret, other)
        await redeemed_nowhere(mine, other)
        asked = {"customer": {"id": WHOSE}, "order": {"amount": 50}, "best_stack": {"include": ["gift_card"]}}
        assert ok(await mine.post("/v1/qualifications", asked))["redeemables"] == []
        wallet = ok(await mine.get(f"/v1/customers/{WHOSE}/wallet"))
        assert not any(wallet[name] for name in ("vouchers", "gift_cards", "loyalty_cards", "referral_codes"))
        event = {"type": "review.written", "customer_id": WHOSE, "id": unique("e")}
        assert ok(await mine.post("/v1/events", event))["earned"] == []
    gift = ok(await other.shop.get(f"/v1/gift-cards/{other.codes['gift_card']}"))
    assert (gift["balance"], gift["status"], gift["customer_id"], gift["version"]) == (50, "active", WHOSE, 1)
    star = ok(await other.shop.get(f"/v1/loyalty-cards/{other.codes['loyalty_card']}"))
    assert (star["points"], star["status"]) == (505, "active")


ODD = [
    "%00",
    "%FF",
    "..%2F..",
    "x" * 300,
    "a%2Fb",
    "%F0%9F%98%80",
    "0",
    "-1",
    f"gft_{NOWHERE}",
    f"GFT_{NOWHERE}",
    "null",
]


async def test_g7_what_is_no_reference_is_not_found(shop: Shop) -> None:
    for reference in ODD:
        for path, code in (
            ("/v1/gift-cards/{}", "gift_card_not_found"),
            ("/v1/gift-cards/{}/transactions", "gift_card_not_found"),
            ("/v1/loyalty-cards/{}", "loyalty_card_not_found"),
            ("/v1/loyalty-cards/{}/transactions", "loyalty_card_not_found"),
            ("/v1/loyalty-programs/{}", "loyalty_program_not_found"),
            ("/v1/loyalty-programs/{}/cards", "loyalty_program_not_found"),
            ("/v1/referral-programs/{}", "referral_program_not_found"),
            ("/v1/referral-programs/{}/codes", "referral_program_not_found"),
            ("/v1/referral-programs/{}/attributions", "referral_program_not_found"),
            ("/v1/promotion-tiers/{}", "promotion_tier_not_found"),
        ):
            answer = await shop.get(path.format(reference))
            assert answer.status_code == 404, (path, reference, answer.text)
            assert answer.json()["code"] in (code, "not_found"), (path, reference, answer.text)
        wallet = await shop.get(f"/v1/customers/{reference}/wallet")
        assert wallet.status_code in (200, 404), (reference, wallet.text)


async def test_g7_bad_questions_name_the_parameter(shop: Shop) -> None:
    program = created(await shop.post("/v1/loyalty-programs", {"name": "Club"}))["id"]
    friends = created(await shop.post("/v1/referral-programs", {"name": "Friends"}))["id"]
    star = created(await shop.post(f"/v1/loyalty-programs/{program}/cards", {"customer_id": unique("c")}))["code"]
    gift = await gift_card(shop)
    paths: dict[str, str] = {
        "/v1/gift-cards": "status campaign_id customer_id",
        f"/v1/gift-cards/{gift}/transactions": "",
        "/v1/loyalty-programs": "status",
        f"/v1/loyalty-programs/{program}/cards": "status customer_id",
        f"/v1/loyalty-cards/{star}/transactions": "",
        "/v1/referral-programs": "status",
        f"/v1/referral-programs/{friends}/codes": "customer_id",
        f"/v1/referral-programs/{friends}/attributions": "customer_id",
        "/v1/promotion-tiers": "status campaign_id",
    }
    for path, names in paths.items():
        questions: list[tuple[str, Any]] = [("limit", value) for value in ("0", "101", "-1", "x", "1.5", "9" * 40)]
        questions += [("cursor", value) for value in ("x", "%00", "WzEsIngiXQ", "W10", "x" * 900) if value]
        questions += [(name, value) for name in names.split() for value in ("", "%00", "x" * 129)]
        questions.append(("colour", "red"))
        for name, value in questions:
            answer = await shop.get(f"{path}?{name}={value}")
            if name == "cursor" and answer.status_code == 200:
                continue  # it is spelled like one: a place in the list, at which nothing stands
            errors = assert_refused(answer, "invalid_request")["errors"]
            assert [error.get("parameter") for error in errors] == [name], (path, name, value, errors)
    for value in ("0", "-1", "3651", "x"):
        answer = await shop.get(f"/v1/customers/c/wallet?expiring_days={value}")
        assert assert_refused(answer, "invalid_request")["errors"][0]["parameter"] == "expiring_days"
