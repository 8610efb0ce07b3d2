"""What vouchers and promotion tiers have in common: rules of their own, beside those that they inherit of a campaign.

Must never let one be without a discount, or set what its counters have not counted so far.
"""

from msgspec import UNSET, UnsetType

from control_plane.calls import Call
from control_plane.campaigns.schemas import OwnType
from control_plane.campaigns.storing import load_campaign, load_campaign_of
from control_plane.problems import Errors
from control_plane.rules.schemas import Limit, RulesInput
from domain.definitions import code_family, redemptions_counter
from domain.problems import FieldError, Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

_ENSURE_CHILDREN = query("ensure_child_counters")


def one_limit(body: RulesInput, errors: Errors) -> None:
    """A voucher is one code, a tier one tier: its limit per code is its own limit, by either name."""
    per_code: Limit | UnsetType | None = body.max_redemptions_per_code
    body.max_redemptions_per_code = UNSET
    if isinstance(per_code, UnsetType):
        return
    if body.max_redemptions not in (UNSET, per_code):
        errors.add("/max_redemptions_per_code", "differs from max_redemptions, which says the same here")
    body.max_redemptions = per_code


async def require_discount(tx: Transaction, call: Call, campaign_id: str | None, type_: OwnType, rules: Rules) -> None:
    """Refuse something new without a discount, be it of its own or its campaign's, or in a campaign of another type."""
    if campaign_id is None:
        found = rules.discount
    else:
        campaign = await load_campaign_of(tx, call.tenant.project_id, campaign_id, type_)
        found = rules.discount or campaign.rules.discount
    if found is None:
        detail = "is required where no campaign has a discount"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/discount_value"),))


def check_change(campaign_id: str | None, before: Rules, after: Rules, errors: Errors) -> None:
    """What one may not become, because of what has been counted or not counted for it so far."""
    if campaign_id is None and after.discount is None:
        errors.add("/discount_value", "without a campaign a discount is kept")
    if campaign_id is not None and before.budget_minor is None and after.budget_minor is not None:
        errors.add("/budget", "in a campaign, a budget can be set only with the creation")


async def keeps_discount(tx: Transaction, call: Call, campaign_id: str | None, before: Rules, after: Rules) -> None:
    """Refuse to remove a discount of its own where the campaign has none that could take its place."""
    if campaign_id is None or before.discount is None or after.discount is not None:
        return
    campaign = await load_campaign(tx, call.tenant.project_id, campaign_id)
    if campaign.rules.discount is None:
        call.errors.add("/discount_value", "the campaign has no discount that could take its place")
    call.errors.raise_if_any()


async def take_over_counter(
    tx: Transaction, call: Call, id_: str, campaign_id: str | None, before: Rules, after: Rules
) -> None:
    """A first limit of its own for what is a campaign's: its counter, so far a child of the campaign's template, may
    not be there yet while redemptions are on their way to it. It is made with the template's ceiling, so that raising
    it to the new limit cannot shut them out."""
    if campaign_id is None or before.max_redemptions is not None or after.max_redemptions is None:
        return
    counter, template = redemptions_counter(id_), code_family(campaign_id)
    await tx.execute(_ENSURE_CHILDREN, [call.tenant.project_id], [counter], [template])
