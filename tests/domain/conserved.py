"""What the conservation machine draws and what it holds a sale against; it never changes the shop."""

import hypothesis.strategies as st
import msgspec

from domain.decisions import Request, Wanted
from domain.events import Line, Redeemed, RolledBack
from domain.returns import Quote, quote_items, quote_lines, quote_rest, remaining
from tests.domain import shelf
from tests.domain.shop import Sale, holds

Spend = tuple[int | None, int | None, str | None]
"""An amount of a gift card, points of a loyalty card, or one of its rewards."""


def owed(line: Line, customer_id: str | None) -> set[tuple[str, int]]:
    """What a redeemable has to take at least: its use, its campaign's and its customer's, and its discount."""
    voucher, campaign = shelf.REDEEMABLES[line.code], shelf.CAMPAIGNS.get(line.campaign_id or "")
    if line.object == "gift_card":
        return {("a:gft_CARD", line.discount_minor)}
    if line.object == "loyalty_card":
        return {("r:lty_stars", 1)}
    owed = {(f"r:{voucher.id}", 1)}
    if campaign is not None:
        owed |= {(f"r:{campaign.id}", 1), (f"u:{campaign.id}:{customer_id}", 1)}
    if line.discount_minor:
        owed.add((f"b:{(campaign or voucher).id}", line.discount_minor))
    rules = [rule for rule in shelf.RULES.get(line.code, ()) if rule.compiled.limits]
    took = [name for name, _, _ in line.moves if name.startswith("t:")]
    assert len(took) == sum(len(rule.compiled.limits) for rule in rules)
    return owed


def wanting(request: Request, codes: tuple[str, ...], spend: Spend) -> Request:
    """The request with what it wants of cards."""
    amount, points, reward = spend
    of_star = {"reward": reward} if reward is not None else {"points": points}
    wanted = [
        Wanted(code, amount_minor=amount) if code == "CARD" else Wanted(code, **(of_star if code == "STAR" else {}))
        for code in codes
    ]
    return msgspec.structs.replace(request, wanted=tuple(wanted))


def draw_quote(data: st.DataObject, sale: Sale) -> Quote:
    """Something of the sale that comes back."""
    left = remaining(sale.event, sale.rollbacks)
    here = [number for number, units in enumerate(left.units) if units]
    live = [line for line, gone in enumerate(left.rolled_back) if not gone]
    match data.draw(st.sampled_from(["rest", "lines", *["items"] * 3 * bool(here)]), label="what comes back"):
        case "rest":
            return quote_rest(sale.event, sale.rollbacks)
        case "lines":
            lines = data.draw(st.lists(st.sampled_from(live), min_size=1, max_size=2), label="lines")
            return quote_lines(sale.event, sale.rollbacks, lines)
    chosen = data.draw(st.lists(st.sampled_from(here), min_size=1, max_size=2, unique=True), label="items")
    wanted = [(number, data.draw(st.integers(1, left.units[number]), label="units")) for number in chosen]
    return quote_items(sale.event, sale.rollbacks, wanted, holds)


def of_gifts(event: Redeemed, rollback: RolledBack, gifts: list[int]) -> int:
    """What of the discounts that a line lost was the price of a gift that went back with it, and not paid back."""
    assert event.order is not None
    prices = [event.order.items[item].price_minor * units for item, units in rollback.items if item in gifts]
    return sum(prices) - rollback.refund_minor
