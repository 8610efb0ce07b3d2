"""A card's counter as Redis gets it from PostgreSQL: its limit is what was funded, and a lost epoch withholds none."""

import json
from typing import Any

from tests.engine.conftest import Shop
from tests.store.cards import ADD, ISSUE


async def _issue(shop: Shop) -> None:
    """A card of 5.00 of which 1.00 is spent, as PostgreSQL has it."""
    project = shop.account.project_id
    await shop.owner.execute("SELECT set_config('app.project_id', $1, false)", project)
    await shop.owner.execute(ISSUE, project, 500, ["gft_1"], ["GIFT"])
    await shop.owner.execute("UPDATE gift_cards SET spent_minor = 100")
    await shop.owner.execute(
        "INSERT INTO counters (project_id, id, kind, limit_value, ceiling, granted)"
        " VALUES ($1, 'a:gft_1', 'balance', 99900, 99900, 100)",
        project,
    )


async def _validate(shop: Shop, code: str, **body: Any) -> dict[str, Any]:
    response = await shop.call("POST", f"/v1/vouchers/{code}/validate", {"order_value": 89.99, **body})
    shown: dict[str, Any] = json.loads(response.body)
    return shown


async def test_g1_g4_a_card_is_good_for_what_was_funded_also_after_a_lost_epoch(shop: Shop) -> None:
    await _issue(shop)
    for epoch in (2, 3):
        await shop.open_epoch(epoch, withheld_epochs=epoch - 1)
        assert (await _validate(shop, "GIFT", amount=4))["valid"] is True
        refused = await _validate(shop, "GIFT", amount=4.01)
        assert (refused["valid"], refused["code"]) == (False, "insufficient_balance"), "not what the counter's row says"


async def test_g1_points_are_good_for_what_was_earned_also_after_a_lost_epoch(shop: Shop) -> None:
    await _issue(shop)
    project = shop.account.project_id
    await shop.owner.execute(
        "INSERT INTO campaigns (project_id, id, account_id, name, type, rules, program) VALUES"
        " ($1, 'lty_1', $2, 'Points', 'LOYALTY', '{}', '{\"points\": 1, \"amount_minor\": 1}')",
        project,
        shop.account.account_id,
    )
    await shop.owner.execute("SELECT issue_loyalty_card($1, 'lcd_1', 'lty_1', 'LOYAL', 'cust_1', '{}')", project)
    await shop.owner.execute(ADD, project, "lcd_1", 0, 0, 70)
    await shop.open_epoch(2, withheld_epochs=1)
    asked = {"customer_id": "cust_1"}
    assert (await _validate(shop, "LOYAL", points=70, **asked))["valid"] is True
    assert (await _validate(shop, "LOYAL", points=71, **asked))["code"] == "insufficient_points"
