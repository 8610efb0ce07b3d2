"""PostgreSQL has the last word on a card: what Redis granted on a balance that was taken back meanwhile is no sale."""

from collections.abc import AsyncIterator

import pytest

from tests.servers.stack import RunningStack

from .checkout import Checkout
from .conftest import Ledger, voucher
from .projects import project

# As a worker that dies before it has told Redis: the card's row and its entry, nothing else.
TAKE_BACK = """
SELECT t.taken_minor FROM gift_cards c, LATERAL set_config('app.project_id', c.project_id, false) AS project,
    LATERAL take_back_from_gift_card(project, c.id, $2, 'a mistake', 'test') AS t
WHERE c.code = $1"""


@pytest.fixture
async def shop(stack: RunningStack) -> AsyncIterator[Checkout]:
    async with project(stack, connections=4) as checkout:
        yield checkout


async def test_g1_what_postgresql_refuses_is_told_by_its_name_and_takes_nothing_of_the_stack(
    shop: Checkout, ledger: Ledger
) -> None:
    made = await shop.call("POST", "/v1/gift-cards", {"amount": 10})
    card = made.json()["code"]
    made_code = await voucher(shop, discount_type="AMOUNT", discount_value=1, max_redemptions=2)
    code = made_code["code"]
    assert (await shop.insist(card, "first", order_value=30, amount=1)).status == 200, "Redis has the card now"
    assert await ledger.number(TAKE_BACK, card, 850) == 850
    named = [{"object": "voucher", "id": code}, {"object": "gift_card", "id": card, "amount": 1}]
    stack = {"redeemables": named, "order": {"amount": 3000}}
    for _ in range(2):
        refused = await shop.call("POST", "/v1/redemptions", stack, key="stack")
        assert (refused.status, refused.code) == (409, "insufficient_balance"), "a refusal is judged anew"
    last = await shop.insist(card, "last", order_value=30, amount=0.5)
    assert (last.status, last.json()["balance"]) == (200, 0.0), "what was refused has come back"
    for number in range(2):
        assert (await shop.insist(code, f"voucher-{number}", order_value=30)).status == 200
    assert (await shop.insist(code, "voucher-3", order_value=30)).code == "limit_reached"
    assert await ledger.quarantined() == 0
