"""Decisions: a pure function of (definitions, request, time) that refuses with a code or grants with moves.

Owns what every decision says, and the decision on one plain code: no items, no rules. All others are stacks.py's.
Must never read a count: limits are judged where they live, in the commit. A decision names the interval of time in
which it holds; outside it the commit answers STALE and the caller decides again.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from .conditions import Compiled, Failing
from .definitions import Campaign, ProjectSettings, Redeemable, RedeemableObject, ValidationRule
from .discounts import discount_minor
from .events import Line, OrderPart
from .ledger import Check, Guard, Move
from .orders import Customer, Metadata, Order, Product, Sku
from .taking import Plan, counts_customers, is_card, moves_of, order_move, plan_of, settings_check, standing_of


class Wanted(msgspec.Struct, frozen=True, gc=False):
    """One redeemable that a request names: a code, or a promotion tier by its id. `object` '': whatever the code leads
    to. Of a card `amount_minor` or `points` are to be spent, as much as the order needs where neither is said, or the
    `reward` of a loyalty program is bought."""

    name: str
    object: RedeemableObject | Literal[""] = ""
    amount_minor: int | None = None
    points: int | None = None
    reward: str | None = None


class Balance(NamedTuple):
    """What a counter of a card looked like a moment ago: its limit (None where its definition says it), what was used
    of it, and what others hold."""

    limit: int | None
    used: int
    held: int = 0


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a checkout asks: amounts in minor units of the project's currency. `order` None is an order of which only
    the value is known. `customer` is what the request itself says of the customer, where it may."""

    customer_id: str | None
    order_value_minor: int
    order: Order | None = None
    customer: Customer | None = None
    metadata: Metadata | None = None
    wanted: tuple[Wanted, ...] = ()
    """What is to be redeemed, in the order of what was found; left out where nothing is said but names."""
    identity: Mapping[str, str] | None = None
    """What else than the id tells the customer apart, by its key: an address, a device. Never kept as it is."""
    identities: tuple[tuple[str, bytes], ...] = ()
    """The same of an earlier request, by key, as commitments."""


class RuleInForce(NamedTuple):
    """A validation rule with what it compiles to."""

    definition: ValidationRule
    compiled: Compiled


class Found(msgspec.Struct, frozen=True, gc=False):
    """What a code or an id leads to: the redeemable, its campaign, the rules of both. `redeemable` None: unknown as
    long as `absent` holds."""

    redeemable: Redeemable | None
    campaign: Campaign | None = None
    rules: tuple[RuleInForce, ...] = ()
    absent: Check | None = None
    is_plain: bool = True
    """Whether its discount is on the order as a whole and no rule is to be met."""
    needs_customer: bool = False
    needs_products: bool = False
    plan: Plan | None = None
    is_card: bool = False
    """Whether something is spent of it, so that it must be looked at first."""
    is_referral: bool = False
    """Whether it must be asked who refers whom."""
    is_at_hand: bool = False
    """Whether nothing is read for it but definitions of itself."""

    @classmethod
    def of(cls, voucher: Redeemable, campaign: Campaign | None, rules: tuple[RuleInForce, ...]) -> "Found":
        """A voucher that was found."""
        discount = voucher.discount or (campaign.discount if campaign is not None else None)
        ruled = bool(rules) or (campaign is not None and bool(campaign.eligible_segments))
        scope = discount.scope if discount is not None else None
        scoped = scope is not None or (discount is not None and discount.type == "UNIT")
        special = voucher.object not in ("voucher", "promotion_tier")
        needs_customer = (campaign is not None and bool(campaign.eligible_segments)) or any(
            rule.compiled.needs_customer for rule in rules
        )
        needs_products = (scope is not None and scope.asks_products) or any(
            rule.compiled.needs_products for rule in rules
        )
        return cls(
            voucher,
            campaign,
            rules,
            is_plain=not (ruled or scoped or special),
            needs_customer=needs_customer,
            needs_products=needs_products,
            plan=plan_of(voucher, campaign),
            is_card=is_card(voucher),
            is_referral=voucher.object == "referral_code",
            is_at_hand=not (needs_customer or needs_products or special),
        )


class Surroundings(msgspec.Struct, frozen=True):
    """All that a decision reads beside the redeemables: the project's settings; the customer, the products and the SKUs
    as they are stored, where a rule asks for them; of cards, what their counters looked like, by name."""

    settings: ProjectSettings
    customer: Customer | None = None
    products: Mapping[str, Product] = {}
    currency: str = "EUR"
    decimals: int = 2
    api_key_id: str = ""
    balances: Mapping[str, Balance] = {}
    skus: Mapping[str, Sku] = {}


class Part(msgspec.Struct, frozen=True):
    """What became of one redeemable of the request. `code` is the outcome code where it is not applicable."""

    status: Literal["applicable", "inapplicable", "skipped"]
    code: str | None = None
    failing: tuple[Failing, ...] = ()
    discount_minor: int = 0
    line: int = -1
    """Number of its line where it is applicable."""
    points: int = 0


class Decision(msgspec.Struct, frozen=True, gc=False):
    """`refusal` is an outcome code, or None where it is granted if every limit allows it.

    `refusals` names, move by move, the outcome code if that move's limit refuses, and `owners` the redeemable that it
    then falls on. `order_value_minor` includes what discounts have added to the order.
    """

    refusal: str | None
    checks: tuple[Check, ...]
    not_before_ms: int = 0
    not_after_ms: int = 0
    discount_minor: int = 0
    committed: bool = False
    lines: tuple[Line, ...] = ()
    moves: tuple[Move, ...] = ()
    refusals: tuple[str, ...] = ()
    owners: tuple[int, ...] = ()
    guards: tuple[Guard, ...] = ()
    guard_owners: tuple[int, ...] = ()
    parts: tuple[Part, ...] = ()
    order_value_minor: int = 0
    order: OrderPart | None = None


def decide(
    voucher: Redeemable,
    campaign: Campaign | None,
    request: Request,
    settings: ProjectSettings,
    now_ms: int,
    epoch: int,
    plan: Plan | None = None,
) -> Decision:
    """Judge a plain voucher for an order's value. `campaign` is the voucher's, None where it has none; `epoch` is the
    one whose counters will be moved; `plan` is that of the two, made here where it is not given."""
    plan = plan or plan_of(voucher, campaign)
    checks = plan.checks
    refusal, not_before_ms, not_after_ms = standing_of(plan, now_ms)
    customer_id = request.customer_id
    if refusal is None and customer_id is None and counts_customers(voucher, campaign):
        refusal = "customer_required"
    if refusal is not None:
        return Decision(refusal, checks, not_before_ms, not_after_ms)
    discount = voucher.discount or (campaign.discount if campaign else None)
    off = discount_minor(discount, request.order_value_minor) if discount else 0
    planned = moves_of(voucher, campaign, plan, customer_id, off, epoch)
    if customer_id is not None:  # whether customers' orders are counted
        checks += (settings_check(settings.project_id, settings.version),)
        if settings.orders_counted_since:
            planned += order_move(settings, customer_id)
    line = Line(
        voucher.object,
        voucher.id,
        voucher.campaign_id,
        voucher.code,
        off,
        tuple([(move.counter, move.amount, family) for move, family, _ in planned]),
        restores_use=restores_use(voucher, campaign),
    )
    return Decision(
        refusal=None,
        checks=checks,
        not_before_ms=not_before_ms,
        not_after_ms=not_after_ms,
        discount_minor=off,
        committed=voucher.committed or (campaign is not None and campaign.committed),
        lines=(line,),
        moves=tuple([move for move, _, _ in planned]),
        refusals=tuple([code for _, _, code in planned]),
        order_value_minor=request.order_value_minor,
    )


def restores_use(voucher: Redeemable, campaign: Campaign | None) -> bool:
    """Whether a rollback gives the use back: the voucher's policy, or else its campaign's."""
    if voucher.restores_use is not None or campaign is None:
        return voucher.restores_use is not False
    return campaign.restores_use
