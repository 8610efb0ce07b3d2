"""Random redemptions of random carts, and the rollbacks that quotes become."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from domain.definitions import Discount
from domain.effects import Cart
from domain.events import Line, OrderPart, Redeemed, RolledBack, Terms
from domain.orders import Order
from domain.returns import Quote
from tests.domain import carts

Granted = tuple[Discount, bool, bool, tuple[dict[str, Any], ...] | None]
"""A discount, whether of the initial amounts, whether its use is restored, and its rules where it is judged again."""

rules = st.one_of(
    st.fixed_dictionaries({"amount": carts.PRICES}),
    st.fixed_dictionaries({"discounted": carts.PRICES}),
    st.fixed_dictionaries({"most": carts.PRICES}),
)
KEPT: st.SearchStrategy[None] = st.none()
JUDGED = st.lists(rules, max_size=2).map(tuple)


def granted(
    policy: st.SearchStrategy[tuple[dict[str, Any], ...] | None] = KEPT | JUDGED,
) -> st.SearchStrategy[list[Granted]]:
    one = st.tuples(carts.discounts, st.booleans(), st.booleans(), policy)
    return st.lists(one, min_size=1, max_size=4)


def holds(rule: dict[str, Any], order: Order, discounted_minor: int) -> bool:
    """The tests' own rule language."""
    if "amount" in rule:
        return bool(order.amount_minor >= rule["amount"])
    if "most" in rule:
        return bool(order.amount_minor <= rule["most"])
    return bool(discounted_minor >= rule["discounted"])


def never(rule: dict[str, Any], order: Order, discounted_minor: int) -> bool:
    raise AssertionError("what is kept is not judged")


def sell(order: Order, stack: Sequence[Granted]) -> Redeemed:
    """The redemption of a stack of vouchers of one campaign."""
    cart = Cart(order)
    lines = []
    for number, (discount, of_initial, restores, judged) in enumerate(stack):
        effect = cart.apply(discount, of_initial)
        off = effect.discount_minor
        moves = [
            (f"r:vch_{number}", 1, ""),
            ("r:cmp", 1, ""),
            ("u:cmp:bob", 1, "u:cmp"),
            ("t:rul:day::", 2, "t:rul:day"),
        ]
        moves += [(f"b:vch_{number}", off, ""), ("b:cmp", off, "")] if off else []
        moves += [] if number else [("o:prj:bob", 1, "o:prj")]
        lines.append(
            Line(
                *("voucher", f"vch_{number}", "cmp", f"V{number}", off, tuple(moves)),
                allocations=effect.allocations,
                shipping_discount_minor=effect.shipping_discount_minor,
                restores_use=restores,
                terms=None if judged is None else Terms(discount, judged, of_initial),
            )
        )
    return Redeemed(
        *("rdm_1", "acc", "prj", b"", None, "bob", "EUR", 2),
        order_value_minor=cart.amount_minor,
        discount_minor=cart.discount_minor,
        committed=False,
        lines=tuple(lines),
        order=OrderPart("ord_1", b"", tuple(cart.items), order.shipping_minor),
        is_stack=True,
    )


def rolled_back(quote: Quote) -> RolledBack:
    """The event that a quote becomes."""
    return RolledBack(
        *("rdm_1", "acc", "prj", quote.revision, f"rbk_{quote.revision}"),
        is_whole=quote.is_whole,
        moves=quote.moves,
        lines=quote.lines,
        items=tuple([(refund.item, refund.units) for refund in quote.items]),
        discounts=quote.discounts,
        refund_minor=quote.refund_minor,
    )
