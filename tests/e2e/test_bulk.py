"""Fifty thousand codes in one batch, while the checkout goes on."""

import asyncio
from collections import Counter
from functools import partial

from tests.servers.waiting import eventually

from .checkout import Checkout
from .conftest import Ledger, campaign


async def test_50000_codes_are_distinct_and_each_is_redeemable_once(checkout: Checkout, ledger: Ledger) -> None:
    cmp = await campaign(checkout, discount_type="AMOUNT", discount_value=5)
    answer = await checkout.call("POST", "/v1/vouchers/bulk", {"campaign_id": cmp, "count": 50_000})
    assert answer.status == 202
    path = f"/v1/async-actions/{answer.json()['async_action_id']}"

    async def done() -> bool:
        return bool((await checkout.call("GET", path)).json()["status"] == "done")

    await eventually(done, "50,000 codes", within_s=60)
    assert (await checkout.call("GET", path)).json()["done_count"] == 50_000
    count = "SELECT count(DISTINCT code) FROM vouchers WHERE campaign_id = $1"
    assert await ledger.number(count, cmp) == 50_000
    sample = await ledger.value(
        "SELECT array_agg(code) FROM (SELECT code FROM vouchers WHERE campaign_id = $1 ORDER BY code LIMIT 300) s", cmp
    )
    for expected in ({"200": 300}, {"limit_reached": 300}):
        buys = [partial(checkout.redeem, code) for code in sample]
        answers = await checkout.all(buys)
        assert Counter(a.code or str(a.status) for a in answers) == expected

    async def settled() -> bool:
        return await ledger.used(f"r:{cmp}") == 300

    await eventually(settled, "300 in the ledger")
    assert await ledger.quarantined() == 0


async def test_more_than_50000_codes_are_refused(checkout: Checkout) -> None:
    cmp = await campaign(checkout, discount_type="AMOUNT", discount_value=5)
    for count in (50_001, 0, -1):
        answer = await checkout.call("POST", "/v1/vouchers/bulk", {"campaign_id": cmp, "count": count})
        assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "/count")


async def test_a_code_issued_a_moment_ago_is_not_unknown(checkout: Checkout) -> None:
    """Unknown codes are remembered: only as long as the project does not change."""
    asked = await asyncio.gather(*(checkout.redeem("SOON") for _ in range(8)))
    assert {answer.code for answer in asked} == {"voucher_not_found"}
    made = await checkout.call("POST", "/v1/vouchers", {"code": "SOON", "discount_type": "AMOUNT", "discount_value": 5})
    assert made.status == 201
    assert (await checkout.redeem("SOON")).status == 200
