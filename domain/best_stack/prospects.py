"""What may be a part of the best stack, and the most that it can take off, wherever it stands.

Owns why a bound is one. Must never leave out what some stack of the others would let apply.
"""

import msgspec

from domain.decisions import Found, Part, Request, Surroundings
from domain.definitions import Discount, Scope
from domain.effects import Cart
from domain.matching.conditions import reads_what_is_left
from domain.scoping import NOTHING, WHOLE_ORDER, is_selected
from domain.stacking import category_of, customer_of, judge_segments
from domain.stacks import decide_stack

Rank = tuple[int, int]


class Prospect(msgspec.Struct, frozen=True):
    """One redeemable that may take something off. `most_minor`: what it takes off at the most where what it is on
    changes with what is left; None where it never takes off more than it would by now. `reads_left`: its rules ask
    what the others have left. `turn`: its place among those of its rank, where only the totals of an order matter."""

    number: int
    found: Found
    discount: Discount
    rank: Rank
    category: str | None
    most_minor: int | None
    reads_left: bool
    turn: int
    reads: tuple[int, ...]
    """Numbers of the items that it is on, or may be: what it takes off depends on what is left of these alone, or of
    shipping where there are none."""

    @property
    def is_of_totals(self) -> bool:
        """Whether items do not matter to it: only what the order and its shipping cost."""
        scope = self.discount.scope or WHOLE_ORDER
        whole = scope.include == NOTHING and scope.exclude == NOTHING and scope.max_per_unit_minor is None
        is_whole = (scope.target == "order" and whole) or scope.target == "shipping"
        return is_whole and self.discount.type != "UNIT"


def prospect_of(
    number: int, found: Found, rank: Rank, request: Request, around: Surroundings, now_ms: int, cart: Cart
) -> Prospect | None:
    """What it may do in some stack on this order, if anything; `cart` is the order before any discount, and `request`
    asks for nothing."""
    of_initial = around.settings.percent_of == "INITIAL"
    discount = _discount_of(found)
    if discount is None or found.is_card or cart.effect_of(discount, of_initial).is_nothing:
        return None  # what takes nothing off the whole order takes nothing off what others leave of it
    reads_left = any(reads_what_is_left(rule.definition.rule) for rule in found.rules)
    part = decide_stack([found], request, around, now_ms, 0).parts[0]
    if part.status != "applicable" and not (reads_left and _might_apply(found, part, request, around)):
        return None
    most_minor = _most_minor(discount, cart, of_initial)
    scope = discount.scope or WHOLE_ORDER
    reads = tuple([at for at, item in enumerate(cart.items) if is_selected(scope, item)]) if cart.items else (0,)
    if scope.target == "shipping":
        reads = ()
    return Prospect(number, found, discount, rank, category_of(found), most_minor, reads_left, _turn(discount), reads)


def _might_apply(found: Found, part: Part, request: Request, around: Surroundings) -> bool:
    """Whether nothing but what is left may stand in its way, where it is refused alone."""
    if part.code != "rule_not_met":
        return False
    if not around.settings.orders_counted_since and any(rule.compiled.asks_first_order for rule in found.rules):
        return False
    segments = found.campaign.eligible_segments if found.campaign is not None else ()
    return not segments or judge_segments(segments, customer_of(request, around.customer)).holds


def _discount_of(found: Found) -> Discount | None:
    own = found.redeemable.discount if found.redeemable is not None else None
    return own or (found.campaign.discount if found.campaign is not None else None)


def _most_minor(discount: Discount, cart: Cart, of_initial: bool) -> int | None:
    """Which units are the cheapest, or the dearest, of those that cost something depends on what others have made free.
    They are never dearer than the dearest at first. All else is on the same units always, of which less is left each
    time; and of less no discount takes more, however it is rounded."""
    scope = discount.scope or WHOLE_ORDER
    if discount.added is not None or scope.target == "shipping":
        return None
    if discount.type != "UNIT" and scope.target not in ("cheapest", "most_expensive"):
        return None
    dearest: Scope = msgspec.structs.replace(scope, target="most_expensive")
    return cart.effect_of(msgspec.structs.replace(discount, scope=dearest), of_initial).discount_minor


def _turn(discount: Discount) -> int:
    """Fixed prices, then percentages, then amounts: of totals, no other order takes more off. A fixed price with a cap
    has no place of its own."""
    if discount.type == "FIXED":
        return 0 if discount.max_minor is None else -1
    return 1 if discount.type == "PERCENT" else 2
