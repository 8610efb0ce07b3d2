"""Rules as an admin states them and PostgreSQL stores them, and what they become: definitions and limits.

Owns the mapping from a stored row to what decisions read. Amounts are minor units, a PERCENT value is ppm, times are
Unix milliseconds. Must never know the API's spelling (major units, ISO times): the control plane converts.
"""

from typing import Any, Literal

import msgspec

from . import definitions as names
from .conditions import compile_rule
from .definitions import (
    AddedUnit,
    Campaign,
    CampaignType,
    Discount,
    DiscountType,
    Redeemable,
    RedeemableObject,
    ReturnPolicy,
    Scope,
    ValidationRule,
)
from .lifecycle import ARCHIVED, barred_of
from .loyalty import points_terms
from .referrals import referral_program


class Rules(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The rules of a campaign or a voucher, as the jsonb column holds them."""

    discount_type: DiscountType | None = None
    discount_value: int | None = None
    max_discount_minor: int | None = None
    max_redemptions: int | None = None
    max_redemptions_per_code: int | None = None
    max_redemptions_per_customer: int | None = None
    budget_minor: int | None = None
    starts_ms: int | None = None
    expires_ms: int | None = None
    timezone: str | None = None
    durability: Literal["default", "committed"] = "default"
    applies_to: Scope | None = None
    added_unit: AddedUnit | None = None
    validation_rules: tuple[str, ...] = ()
    eligible_segments: tuple[str, ...] = ()
    category: str | None = None
    restore_on_rollback: Literal["always", "never"] | None = None
    return_policy: ReturnPolicy | None = None

    @property
    def discount(self) -> Discount | None:
        if self.discount_type is None or self.discount_value is None:
            return None
        return Discount(
            self.discount_type, self.discount_value, self.max_discount_minor, self.applies_to, self.added_unit
        )

    @property
    def restores_use(self) -> bool | None:
        return None if self.restore_on_rollback is None else self.restore_on_rollback == "always"


class CampaignRow(msgspec.Struct, frozen=True):
    """What a campaign's definition is made from."""

    id: str
    project_id: str
    version: int
    status: str
    rules: Rules
    counts_customers_since: int
    type: CampaignType = "DISCOUNT"
    program: dict[str, Any] = {}


class VoucherRow(msgspec.Struct, frozen=True):
    """What the definition of a voucher, a promotion tier or a referral code is made from."""

    id: str
    project_id: str
    code: str
    campaign_id: str | None
    version: int
    status: str
    rules: Rules
    counts_customers_since: int
    object: RedeemableObject = "voucher"
    customer_id: str | None = None
    hierarchy: int = 0


CounterKind = Literal["redemptions", "budget", "customer_family", "code_family", "balance", "points_family"]


class Limit(msgspec.Struct, frozen=True):
    """A limit that a definition sets. Families are templates in PostgreSQL only: their children are judged by the
    definition, so Redis keeps no limit for them."""

    counter: str
    kind: CounterKind
    value: int | None

    @property
    def is_family(self) -> bool:
        return self.kind.endswith("_family")


def campaign_definition(row: CampaignRow) -> Campaign:
    """The campaign as decisions see it."""
    rules = row.rules
    return Campaign(
        id=row.id,
        project_id=row.project_id,
        version=row.version,
        paused=row.status != "active",
        discount=rules.discount,
        starts_ms=rules.starts_ms,
        expires_ms=rules.expires_ms,
        limit=rules.max_redemptions,
        budget_minor=rules.budget_minor,
        per_code_limit=rules.max_redemptions_per_code,
        per_customer_limit=rules.max_redemptions_per_customer,
        counts_customers_since=row.counts_customers_since,
        committed=rules.durability == "committed",
        rule_ids=rules.validation_rules,
        eligible_segments=rules.eligible_segments,
        category=rules.category,
        restores_use=rules.restores_use is not False,
        returns=rules.return_policy or "keep",
        type=row.type,
        points=points_terms(row.program) if row.type == "LOYALTY" else None,
        identity_keys=referral_program(row.program).identity_keys if row.type == "REFERRAL" else (),
        barred=barred_of(row.status),
    )


def voucher_definition(row: VoucherRow) -> Redeemable:
    """The voucher, promotion tier or referral code as decisions see it. One that refers waits for the ledger, which
    has the last word on who was referred first."""
    rules = row.rules
    return Redeemable(
        id=row.id,
        project_id=row.project_id,
        code=row.code,
        version=row.version,
        disabled=row.status != "active",
        campaign_id=row.campaign_id,
        discount=rules.discount,
        starts_ms=rules.starts_ms,
        expires_ms=rules.expires_ms,
        limit=rules.max_redemptions,
        budget_minor=rules.budget_minor,
        per_customer_limit=rules.max_redemptions_per_customer,
        counts_customers_since=row.counts_customers_since,
        committed=rules.durability == "committed" or row.object == "referral_code",
        rule_ids=rules.validation_rules,
        category=rules.category,
        restores_use=rules.restores_use,
        returns=rules.return_policy,
        object=row.object,
        customer_id=row.customer_id,
        hierarchy=row.hierarchy,
        is_archived=row.status == ARCHIVED,
    )


def campaign_limits(row: CampaignRow) -> tuple[Limit, ...]:
    """The limits that a campaign sets; the first two are moved by every redemption, set or not."""
    rules = row.rules
    return (
        Limit(names.redemptions_counter(row.id), "redemptions", rules.max_redemptions),
        Limit(names.budget_counter(row.id), "budget", rules.budget_minor),
        Limit(names.code_family(row.id), "code_family", rules.max_redemptions_per_code),
        Limit(names.customer_family(row.id), "customer_family", rules.max_redemptions_per_customer),
    )


def voucher_limits(row: VoucherRow) -> tuple[Limit, ...]:
    """The limits that a voucher sets of its own."""
    rules = row.rules
    limits = [Limit(names.customer_family(row.id), "customer_family", rules.max_redemptions_per_customer)]
    if rules.max_redemptions is not None or row.campaign_id is None:
        limits.append(Limit(names.redemptions_counter(row.id), "redemptions", rules.max_redemptions))
    if rules.budget_minor is not None or row.campaign_id is None:
        limits.append(Limit(names.budget_counter(row.id), "budget", rules.budget_minor))
    return tuple(limits)


def rule_limits(rule: ValidationRule) -> tuple[Limit, ...]:
    """The limits of a validation rule's count conditions: families, whatever a counter's holder is."""
    limits = compile_rule(rule.rule).limits
    return tuple(Limit(names.rule_family(rule.id, name), "customer_family", limit) for name, limit in limits)
