"""A loyalty program as the API shows it."""

from decimal import Decimal

import msgspec

from control_plane.auth import Tenant
from control_plane.campaigns.storing import StoredCampaign
from control_plane.loyalty_programs.schemas import (
    EarningView,
    ExpiryView,
    LoyaltyProgramView,
    ProgramRulesView,
    RewardView,
    SpendingView,
    TierView,
)
from control_plane.rules.schemas import Used
from control_plane.rules.scopes import show_selection
from control_plane.rules.showing import shown_rules
from control_plane.rules.times import show_time
from domain.conditions import to_wire
from domain.loyalty import EarningRule, Expiry, LoyaltyProgram, Reward, loyalty_program
from domain.money import ppm_to_percent, to_major
from domain.rules import Rules

_SHOWN_OF_REWARDS = ("discount_type", "discount_value", "max_discount", "applies_to", "added_unit")


def show_program(stored: StoredCampaign, tenant: Tenant) -> LoyaltyProgramView:
    """The program of a row."""
    program, decimals = loyalty_program(stored.program), tenant.decimals
    return LoyaltyProgramView(
        id=stored.id,
        object="loyalty_program",
        name=stored.name,
        status=stored.shown_status,
        spending=_show_spending(program, decimals),
        rewards=[_show_reward(reward, decimals) for reward in program.rewards],
        earning_rules=[_show_earning(rule, decimals) for rule in program.earning],
        pending_days=program.pending_days,
        expiry=None if program.expiry is None else _show_expiry(program.expiry),
        tiers=[TierView(tier.id, tier.name, tier.from_points, show_factor(tier.factor_ppm)) for tier in program.tiers],
        rules=_show_rules(stored.rules, decimals),
        metadata=msgspec.Raw(stored.metadata.encode()),
        redemptions=Used(stored.used, stored.rules.max_redemptions),
        version=stored.version,
        created_at=show_time(stored.created_at),
        updated_at=show_time(stored.updated_at),
    )


def show_factor(factor_ppm: int) -> Decimal:
    """1 500 000 -> 1.5"""
    return ppm_to_percent(factor_ppm // 100)


def _show_spending(program: LoyaltyProgram, decimals: int) -> SpendingView | None:
    if not program.points:
        return None
    return SpendingView(
        program.points, to_major(program.amount_minor, decimals), program.least_points, ppm_to_percent(program.most_ppm)
    )


def _show_reward(reward: Reward, decimals: int) -> RewardView:
    discount = reward.discount
    rules = Rules(
        discount_type=discount.type,
        discount_value=discount.value,
        max_discount_minor=discount.max_minor,
        applies_to=discount.scope,
        added_unit=discount.added,
    )
    shown = shown_rules(rules, decimals)
    return RewardView(reward.id, reward.name, reward.points, **{name: shown[name] for name in _SHOWN_OF_REWARDS})


def _show_earning(rule: EarningRule, decimals: int) -> EarningView:
    per = rule.per_minor or None
    return EarningView(
        id=rule.id,
        name=rule.name,
        event=rule.event,
        points=rule.points,
        per=None if per is None else to_major(per, decimals),
        of=None if per is None else rule.of,
        items=show_selection(rule.items) if per and rule.of == "items" else None,
        rule=None if rule.rule is None else to_wire(rule.rule, decimals),
    )


def _show_expiry(expiry: Expiry) -> ExpiryView:
    by_calendar = expiry.end_of is not None
    return ExpiryView(expiry.days or None, expiry.end_of, expiry.after_months if by_calendar else None)


def _show_rules(rules: Rules, decimals: int) -> ProgramRulesView:
    shown = shown_rules(rules, decimals) | {
        "max_redemptions_per_code": rules.max_redemptions_per_code,
        "eligible_segments": rules.eligible_segments,
    }
    return ProgramRulesView(**{name: shown[name] for name in ProgramRulesView.__struct_fields__})
