"""The parts of a stack's decision that stand alone: the order of application, what is known of the order and of who
buys, segments, counts, one move for each counter.

Must never apply a discount: stacks.py does.
"""

from collections.abc import Mapping, Sequence

import msgspec

from . import definitions as names
from .conditions import Failing, Judgement
from .decisions import Found, Request, RuleInForce, Wanted, restores_use
from .definitions import Campaign, Discount, ProjectSettings, Redeemable
from .effects import Effect
from .events import Line, Terms
from .ledger import Move
from .orders import Customer, Item, Order, Product, Sku, product_name
from .taking import Planned

_RANKS = {"loyalty_card": 1, "gift_card": 2}
"""What pays goes after what makes cheaper."""


def application_order(
    found: Sequence[Found], category_order: Sequence[str], wanted: Sequence[Wanted] = ()
) -> list[int]:
    """Numbers of the redeemables in the order in which they are applied: discounts, points for money off, gift cards;
    within these by category."""
    ranks = application_ranks(found, category_order, wanted)
    return sorted(range(len(found)), key=lambda number: (ranks[number], number))


def application_ranks(
    found: Sequence[Found], category_order: Sequence[str], wanted: Sequence[Wanted] = ()
) -> list[tuple[int, int]]:
    """What is applied before what, whatever the order of the request: those of one rank stand as they were asked."""
    by_category = {category: at for at, category in enumerate(category_order)}
    last = len(by_category)
    ranks = []
    for number, each in enumerate(found):
        buys = bool(wanted) and wanted[number].reward is not None
        what = each.redeemable.object if each.redeemable is not None and not buys else ""
        ranks.append((_RANKS.get(what, 0), by_category.get(category_of(each) or "", last)))
    return ranks


def not_found(wanted: Wanted) -> str:
    """The outcome code where there is no such thing."""
    return f"{wanted.object or 'voucher'}_not_found"


def refers_oneself(code: Redeemable, customer: Customer | None) -> str | None:
    """Why a referral code is not this customer's to use, as far as their ids say it."""
    if customer is None:
        return "customer_required"
    return "self_referral" if customer.id == code.customer_id else None


def why_no_room(settings: ProjectSettings, applied: Sequence[str | None], category: str | None) -> str | None:
    """Why one of this category has no place beside those of the `applied` categories, if it has none."""
    if len(applied) >= settings.most_applied:
        return "stack_full"
    for other in applied if settings.exclusive_categories else ():
        exclusive = {one for one in (category, other) if one in settings.exclusive_categories}
        if exclusive and category != other:
            joins = category if other in exclusive else other
            if joins not in settings.joint_categories:
                return "stack_excluded"
    return None


def category_of(found: Found) -> str | None:
    """The voucher's category, or else its campaign's."""
    own = found.redeemable.category if found.redeemable is not None else None
    return own or (found.campaign.category if found.campaign is not None else None)


_NOTHING = Product("")
_NO_SKUS: Mapping[str, Sku] = {}


def enrich(order: Order, products: Mapping[str, Product], skus: Mapping[str, Sku] = _NO_SKUS) -> Order:
    """The order with what is stored of its SKUs and products, by their names: an item's product is its own or else its
    SKU's, its categories and collections are both together, of its metadata the request's goes before the SKU's and
    that before the product's."""
    if not products and not skus:
        return order
    return msgspec.structs.replace(order, items=tuple(_enriched(item, products, skus) for item in order.items))


def _enriched(item: Item, products: Mapping[str, Product], skus: Mapping[str, Sku]) -> Item:
    sku = skus.get(item.sku) if item.sku is not None else None
    product = products.get(product_name(item, sku) or "")
    if product is None and sku is None:
        return item
    of = product or _NOTHING
    return msgspec.structs.replace(
        item,
        product_id=item.product_id or (sku.product_id if sku is not None else None),
        categories=tuple(dict.fromkeys((*item.categories, *of.categories))),
        collections=tuple(dict.fromkeys((*item.collections, *of.collections))),
        metadata={**of.metadata, **(sku.metadata if sku is not None else {}), **item.metadata},
    )


def customer_of(request: Request, stored: Customer | None) -> Customer | None:
    """Who buys: what is stored, and over it what the request may say."""
    if request.customer_id is None:
        return None
    base = stored or Customer(request.customer_id)
    stated = request.customer
    if stated is None:
        return base
    return msgspec.structs.replace(
        base,
        segments=tuple(dict.fromkeys((*base.segments, *stated.segments))),
        metadata={**base.metadata, **stated.metadata},
    )


def merge(planned: Sequence[tuple[int, Planned]]) -> tuple[tuple[Move, ...], tuple[str, ...], tuple[int, ...]]:
    """One move for each counter: amounts added, the narrowest limit kept. With it the code if it refuses, and the
    redeemable that it then falls on: the last one that asked for more."""
    moves: dict[str, Move] = {}
    refusals: dict[str, str] = {}
    owners: dict[str, int] = {}
    for number, (move, _, code) in planned:
        before = moves.get(move.counter)
        owners[move.counter] = number
        if before is None:
            moves[move.counter], refusals[move.counter] = move, code
            continue
        moves[move.counter] = Move(
            move.counter,
            before.amount + move.amount,
            _narrower(before.limit, move.limit),
            min(before.window, move.window),
            before.absent_is_zero and move.absent_is_zero,
        )
    return tuple(moves.values()), tuple(refusals.values()), tuple(owners.values())


def _narrower(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return min(one, other)


def counted(rule: RuleInForce, judgement: Judgement, epoch: int) -> list[Planned]:
    """A move for each count of a rule: its limit is the rule's, its counter the period's and the holder's."""
    definition = rule.definition
    return [
        (
            Move(
                names.rule_counter(definition.id, count.name, count.bucket, count.holder),
                1,
                count.limit,
                names.COUNT_WINDOW,
                absent_is_zero=definition.counts_since == epoch,
            ),
            names.rule_family(definition.id, count.name),
            "rule_limit_reached",
        )
        for count in judgement.counts
    ]


def judge_segments(segments: Sequence[str], customer: Customer | None) -> Judgement:
    """Whether the customer is in one of a campaign's eligible segments."""
    holds = customer is not None and not set(segments).isdisjoint(customer.segments)
    condition = {"customer.segment": {"in": list(segments)}}
    failing = () if holds else (Failing("/eligible_segments", condition, None),)
    code = "customer_required" if customer is None else "rule_not_met"
    return Judgement(holds=holds, code="" if holds else code, failing=failing)


def line_of(
    found: Found,
    voucher: Redeemable,
    discount: Discount | None,
    effect: Effect,
    planned: Sequence[Planned],
    of_initial: bool,
    points: int = 0,
    reward: str = "",
) -> Line:
    """The line of a redeemable that is applied; with its terms where a return is judged again."""
    terms = None
    if discount is not None and returns_policy(voucher, found.campaign) == "requalify":
        terms = Terms(discount, tuple(rule.definition.rule for rule in found.rules), of_initial)
    return Line(
        voucher.object,
        voucher.id,
        voucher.campaign_id,
        voucher.code,
        effect.discount_minor,
        tuple([(move.counter, move.amount, family) for move, family, _ in planned]),
        effect.allocations,
        effect.shipping_discount_minor,
        restores_use(voucher, found.campaign),
        terms,
        points,
        reward,
    )


def returns_policy(voucher: Redeemable, campaign: Campaign | None) -> str:
    """What becomes of a discount when a part of the order is returned: the voucher's policy, or else its campaign's."""
    return voucher.returns or (campaign.returns if campaign is not None else "keep")
