"""What a voucher takes when it is redeemed, and whether it stands at all: moves, versions, the interval of its times.

The parts that every decision is made from, alone or in a stack. Must never read a count or a clock.
"""

from functools import lru_cache

import msgspec

from . import definitions as names
from .definitions import Campaign, ProjectSettings, Redeemable
from .ledger import Check, Move

Planned = tuple[Move, str, str]
"""A move, its family in PostgreSQL ('' for none), and the outcome code if its limit refuses."""


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What of a decision depends on nothing but the definitions: made once for each version of them, because making it
    for every request is a good part of what deciding costs."""

    checks: tuple[Check, ...]
    own: Planned | None
    """Of its own redemptions; a card counts what is spent of it instead."""
    total: Planned | None
    """Of the campaign's redemptions."""
    barred: str | None
    """The outcome code where no time would help."""
    starts_ms: int
    expires_ms: int


def plan_of(voucher: Redeemable, campaign: Campaign | None) -> Plan:
    """The plan of these versions."""
    total = None if campaign is None else _total_of(campaign)
    barred = None
    if voucher.disabled or voucher.barred is not None:
        barred = voucher.barred or "voucher_disabled"
    elif campaign is not None and campaign.paused:
        barred = campaign.barred or "campaign_paused"
    own = None if is_card(voucher) else _own_move(voucher, campaign)
    return Plan(checks_of(voucher, campaign), own, total, barred, *_interval(voucher, campaign))


def own_counters(redeemable: Redeemable) -> list[str]:
    """The counters that are nobody else's and that every use of it may move."""
    if redeemable.object == "gift_card":
        return [names.balance_counter(redeemable.id)]
    if redeemable.object == "loyalty_card":
        return [names.points_counter(redeemable.id, lot.expires_ms) for lot in redeemable.lots]
    return [names.redemptions_counter(redeemable.id), names.budget_counter(redeemable.id)]


def is_card(redeemable: Redeemable) -> bool:
    """Whether something is spent of it, instead of it being used."""
    return redeemable.object in ("gift_card", "loyalty_card")


def checks_of(voucher: Redeemable, campaign: Campaign | None) -> tuple[Check, ...]:
    """The versions that were read."""
    own = Check(voucher.key, voucher.version)
    return (own,) if campaign is None else (own, _check_of(campaign.id, campaign.version))


# One for all codes of a campaign: of 10,000 codes each its own would only push others out of the processor's caches.
@lru_cache(maxsize=1024)
def _total_of(campaign: Campaign) -> Planned:
    move = Move(names.redemptions_counter(campaign.id), 1, _or_unlimited(campaign.limit), campaign.window)
    return move, "", "limit_reached"


@lru_cache(maxsize=1024)
def _check_of(campaign_id: str, version: int) -> Check:
    return Check(names.campaign_key(campaign_id), version)


@lru_cache(maxsize=1024)  # made for every redemption of a customer, and the same for all of a project
def settings_check(project_id: str, version: int) -> Check:
    """That the project's settings are those that were read."""
    return Check(names.settings_key(project_id), version)


def standing_of(plan: Plan, now_ms: int) -> tuple[str | None, int, int]:
    """An outcome code or None, and from when until before when that holds (0: open)."""
    if plan.barred is not None:
        return plan.barred, 0, 0
    starts_ms, expires_ms = plan.starts_ms, plan.expires_ms
    if expires_ms and now_ms >= expires_ms:
        return "voucher_expired", expires_ms, 0
    if now_ms < starts_ms:
        return "voucher_not_started", 0, min(starts_ms, expires_ms or starts_ms)
    return None, starts_ms, expires_ms


def _interval(voucher: Redeemable, campaign: Campaign | None) -> tuple[int, int]:
    """From when until before when both hold; an end of 0 is none."""
    starts_ms, expires_ms = voucher.starts_ms or 0, voucher.expires_ms or 0
    if campaign is not None:
        if campaign.starts_ms is not None and campaign.starts_ms > starts_ms:
            starts_ms = campaign.starts_ms
        if campaign.expires_ms is not None and (not expires_ms or campaign.expires_ms < expires_ms):
            expires_ms = campaign.expires_ms
    return starts_ms, expires_ms


def counts_customers(voucher: Redeemable, campaign: Campaign | None) -> bool:
    """Whether it can only be redeemed by somebody."""
    return voucher.per_customer_limit is not None or (campaign is not None and campaign.per_customer_limit is not None)


def moves_of(
    voucher: Redeemable, campaign: Campaign | None, plan: Plan, customer_id: str | None, off_minor: int, epoch: int
) -> list[Planned]:
    """Limits travel with the moves: the versions that the commit checks cover them. What is spent of a card is
    spending.py's."""
    planned = []
    if plan.own is not None:
        planned.append(plan.own)
        # A standalone voucher sums its discounts from the first day, so that a budget set later knows them.
        if off_minor and (voucher.budget_minor is not None or campaign is None):
            planned.append(_budget_move(voucher, off_minor))
    if voucher.per_customer_limit is not None:
        planned += _customer_move(voucher, customer_id, epoch)
    if campaign is not None and plan.total is not None:
        planned.append(plan.total)
        if off_minor and voucher.object != "gift_card":  # what it pays costs the shop nothing
            planned.append(_budget_move(campaign, off_minor))
        if campaign.per_customer_limit is not None:
            planned += _customer_move(campaign, customer_id, epoch)
    return planned


def order_move(settings: ProjectSettings, customer_id: str | None, only_first: bool = False) -> list[Planned]:
    """The customer's orders, where the project counts them; `only_first`: it must be the first."""
    if not settings.orders_counted_since or customer_id is None:
        return []
    counter = names.orders_counter(settings.project_id, customer_id)
    move = Move(counter, 1, 1 if only_first else names.UNLIMITED, names.COUNT_WINDOW)
    return [(move, names.orders_family(settings.project_id), "rule_not_met")]


def _or_unlimited(limit: int | None) -> int:
    return names.UNLIMITED if limit is None else limit


def _own_move(voucher: Redeemable, campaign: Campaign | None) -> Planned:
    counter = names.redemptions_counter(voucher.id)
    if campaign is None or voucher.limit is not None:
        limit, family = voucher.limit, ""
    else:
        limit, family = campaign.per_code_limit, names.code_family(campaign.id)
    return Move(counter, 1, _or_unlimited(limit), voucher.window), family, "limit_reached"


def _budget_move(definition: Redeemable | Campaign, off_minor: int) -> Planned:
    counter, limit = names.budget_counter(definition.id), _or_unlimited(definition.budget_minor)
    return Move(counter, off_minor, limit, names.BUDGET_WINDOW_MINOR), "", "budget_exhausted"


def _customer_move(definition: Redeemable | Campaign, customer_id: str | None, epoch: int) -> list[Planned]:
    if definition.per_customer_limit is None or customer_id is None:
        return []
    move = Move(
        names.customer_counter(definition.id, customer_id),
        1,
        definition.per_customer_limit,
        definition.window,
        absent_is_zero=definition.counts_customers_since == epoch,
    )
    return [(move, names.customer_family(definition.id), "customer_limit_reached")]
