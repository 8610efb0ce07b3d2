"""Lifecycles as checkouts see them: what is not active is refused, what is archived is not there, from the answer
on."""

from functools import partial
from typing import Any

from tests.servers.stack import RunningStack

from .checkout import Answer, Buy, Checkout
from .conftest import campaign, voucher
from .projects import project

PERCENT = {"discount_type": "PERCENT", "discount_value": 10}


async def done(checkout: Checkout, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await checkout.call(method, path, body)
    assert answer.status == status, answer.body
    return answer.json() if answer.body else None


async def test_a_campaign_from_draft_to_the_archive_and_back(checkout: Checkout) -> None:
    draft = await done(checkout, "POST", "/v1/campaigns", {"name": "D", "status": "draft", "rules": PERCENT}, 201)
    path = f"/v1/campaigns/{draft['id']}"
    await voucher(checkout, campaign_id=draft["id"], code="LIFE")
    kept = await checkout.redeem("LIFE", "life-0")
    assert (kept.status, kept.code) == (409, "campaign_not_active")
    for number, (verb, code) in enumerate(
        (
            ("activate", None),
            ("pause", "campaign_paused"),
            ("resume", None),
            ("end", "campaign_not_active"),
            ("resume", None),
            ("archive", "campaign_not_active"),
            ("restore", "campaign_paused"),
            ("resume", None),
        )
    ):
        await done(checkout, "POST", f"{path}/{verb}")
        answer = await checkout.redeem("LIFE", f"life-{verb}-{number}")
        assert (answer.code or None) == code, verb
        said = await done(checkout, "POST", "/v1/vouchers/LIFE/validate", {"order_value": 50})
        assert said.get("valid") == (code is None), said


async def test_g6_nothing_is_granted_that_starts_after_a_voucher_is_deleted(checkout: Checkout) -> None:
    await voucher(checkout, code="DELETED", discount_type="AMOUNT", discount_value=5)
    await _nothing_after(checkout, "DELETED", ("DELETE", "/v1/vouchers/DELETED", 204), "voucher_not_found")
    unknown = await checkout.redeem("NEVERWAS", "n")
    gone = await checkout.redeem("DELETED", "n2")
    assert (gone.status, gone.json()["title"]) == (unknown.status, unknown.json()["title"]) == (404, "No such voucher.")


async def test_g6_nothing_is_granted_that_starts_after_a_campaign_is_ended(checkout: Checkout) -> None:
    cmp = await campaign(checkout, discount_value=10)
    await voucher(checkout, campaign_id=cmp, code="ENDED")
    await _nothing_after(checkout, "ENDED", ("POST", f"/v1/campaigns/{cmp}/end", 200), "campaign_not_active")


async def _nothing_after(checkout: Checkout, code: str, call: tuple[str, str, int], refusal: str) -> None:
    answered: list[Answer] = []
    method, path, status = call

    async def change() -> Answer:
        answer = await checkout.call(method, path)
        assert answer.status == status, answer.body
        answered.append(answer)
        return answer

    work: list[Buy] = [partial(checkout.redeem, code, f"{code}-{n}") for n in range(900)]
    work.insert(300, change)
    answers = await checkout.all(work)
    late = [answer for answer in answers if answer.asked_at > answered[0].answered_at]
    assert len(late) > 200
    assert {answer.code for answer in late} == {refusal}
    assert any(answer.status == 200 for answer in answers if answer is not answered[0])


async def test_g3_what_was_redeemed_before_keeps_its_answer_and_can_be_rolled_back(checkout: Checkout) -> None:
    await voucher(checkout, code="KEPT", discount_type="AMOUNT", discount_value=5)
    first = await checkout.redeem("KEPT", "kept-1")
    await done(checkout, "DELETE", "/v1/vouchers/KEPT", status=204)
    assert (await checkout.redeem("KEPT", "kept-1")).body == first.body
    rolled = await done(checkout, "POST", f"/v1/redemptions/{first.json()['id']}/rollback")
    assert rolled["status"] == "rolled_back"


async def test_tiers_of_what_is_not_active_never_qualify(stack: RunningStack) -> None:
    async with project(stack) as checkout:
        order = {"order": {"items": [{"sku": "TEE", "quantity": 1, "price": 50}]}}
        made = {"name": "P", "type": "PROMOTION", "status": "draft", "rules": PERCENT}
        cmp = (await done(checkout, "POST", "/v1/campaigns", made, 201))["id"]
        tier = (await done(checkout, "POST", "/v1/promotion-tiers", {"name": "T", "campaign_id": cmp}, 201))["id"]

        async def qualifying() -> list[str]:
            said = await done(checkout, "POST", "/v1/qualifications", order)
            return [each["id"] for each in said["redeemables"]]

        assert await qualifying() == []
        for verb, offered in (("activate", True), ("end", False), ("resume", True), ("archive", False)):
            await done(checkout, "POST", f"/v1/campaigns/{cmp}/{verb}")
            assert await qualifying() == ([tier] if offered else []), verb
        for verb in ("restore", "resume"):
            await done(checkout, "POST", f"/v1/campaigns/{cmp}/{verb}")
        assert await qualifying() == [tier]
        await done(checkout, "DELETE", f"/v1/promotion-tiers/{tier}", status=204)
        assert await qualifying() == []
        wanted = {"redeemables": [{"object": "promotion_tier", "id": tier}], **order}
        answer = await checkout.call("POST", "/v1/redemptions", wanted)
        assert (answer.status, answer.code) == (404, "promotion_tier_not_found")


async def test_what_is_archived_is_in_no_stack(checkout: Checkout) -> None:
    await voucher(checkout, code="STAY", discount_type="AMOUNT", discount_value=5)
    await voucher(checkout, code="LEFT", discount_type="AMOUNT", discount_value=5)
    card = (await done(checkout, "POST", "/v1/gift-cards", {"amount": 50}, 201))["code"]
    await done(checkout, "POST", f"/v1/gift-cards/{card}/block")
    for path in ("/v1/vouchers/LEFT", f"/v1/gift-cards/{card}"):
        await done(checkout, "DELETE", path, status=204)
    for wanted, refusal in (
        ({"object": "voucher", "id": "LEFT"}, "voucher_not_found"),
        ({"object": "gift_card", "id": card}, "gift_card_not_found"),
    ):
        body = {"redeemables": [{"object": "voucher", "id": "STAY"}, wanted], "order": {"amount": 100}}
        said = await checkout.call("POST", "/v1/validations", body)
        assert refusal.encode() in said.body, said.body
