"""What a customer is given of a campaign: a code or a card that is nobody's yet, or one that is made; of a program,
the customer's own card or code.

Must never give one thing to two: it is locked from where it is picked until it is theirs.
"""

from collections.abc import Awaitable, Callable

import msgspec

from control_plane.calls import Call
from control_plane.campaigns.services import CAMPAIGN
from control_plane.campaigns.storing import StoredCampaign
from control_plane.clock import now_ms
from control_plane.effects import Change
from control_plane.gift_cards import issuing
from control_plane.gift_cards.storing import limits_of as limits_of_card
from control_plane.gift_cards.storing import load_card
from control_plane.gift_cards.terms import Terms
from control_plane.loyalty_cards.posting import ensure_card
from control_plane.loyalty_cards.storing import load_card as load_loyalty_card
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.programs import Kind, join_program
from control_plane.publications.schemas import Given
from control_plane.referral_programs.coding import ensure_code
from control_plane.referral_programs.services import REFERRAL
from control_plane.rules.staging import stage
from control_plane.vouchers import creating
from control_plane.vouchers.ordering import DEFAULT_LIMIT_PER_CODE
from control_plane.vouchers.storing import limits_of, load_voucher
from domain.lifecycle import ARCHIVED
from domain.problems import FieldError, Refused
from domain.rules import Rules
from store.database import Transaction
from store.queries import query

_PICK_VOUCHER = query("control_pick_voucher")
_AWAIT_VOUCHER = query("control_await_voucher")
_PASS_OVER = query("control_pass_over_vouchers")
_GIVE_VOUCHER = query("control_hand_over_voucher")
_PICK_CARD = query("control_pick_gift_card")
_AWAIT_CARD = query("control_await_gift_card")
_GIVE_CARD = query("control_hand_over_gift_card")


Load = Callable[[Transaction, str, Kind, str], Awaitable[StoredCampaign]]


class Picked(msgspec.Struct, frozen=True):
    """What was picked: it is the customer's when the transaction commits, and `change` is to be put in force then."""

    object: Given
    id: str
    code: str
    change: Change


class Contended(Exception):
    """Others are at all that is left, and this transaction must not wait for them: it holds what they may want."""


async def load_giver(tx: Transaction, project_id: str, campaign_id: str, load: Load = join_program) -> StoredCampaign:
    """The campaign or program, loaded in this way; Refused where there is none, or where it never gives anything."""
    kind = next((kind for kind in (LOYALTY, REFERRAL) if campaign_id.startswith(f"{kind.prefix}_")), CAMPAIGN)
    campaign = await load(tx, project_id, kind, campaign_id)
    if campaign.type == "PROMOTION":
        detail = "a campaign of promotion tiers has no codes to give"
        raise Refused("invalid_request", errors=(FieldError(detail, pointer="/campaign_id"),))
    return campaign


def require_open(campaign: StoredCampaign) -> None:
    """Refused where it has nothing to give any more. What is given of a draft, or while it is paused, is for later."""
    if campaign.status in ("ended", ARCHIVED):
        raise Refused("campaign_not_active")
    if campaign.rules.expires_ms is not None and campaign.rules.expires_ms <= now_ms():
        raise Refused("voucher_expired")


async def pick(tx: Transaction, call: Call, campaign: StoredCampaign, customer_id: str, may_wait: bool) -> Picked:
    """Something of the campaign for the customer, staged already. Refused where there is nothing; Contended where only
    waiting could tell."""
    require_open(campaign)
    picker = _PICKERS[campaign.type]
    return await picker(tx, call, campaign, customer_id, may_wait)


async def pass_over_spent(tx: Transaction, project_id: str, campaign: StoredCampaign, before: str | None) -> None:
    """What can never be given is not to be walked past again."""
    if campaign.type == "DISCOUNT":
        await tx.execute(_PASS_OVER, project_id, campaign.id, now_ms(), before)


async def _voucher(tx: Transaction, call: Call, campaign: StoredCampaign, customer_id: str, may_wait: bool) -> Picked:
    project_id = call.tenant.project_id
    voucher_id = await _pick(tx, call, campaign, (_PICK_VOUCHER, _AWAIT_VOUCHER), may_wait)
    if voucher_id is None:
        limit = None if campaign.rules.max_redemptions_per_code is not None else DEFAULT_LIMIT_PER_CODE
        wanted = creating.NewVoucher(None, campaign.id, customer_id, Rules(max_redemptions=limit), "{}", is_issued=True)
        made = await creating.make_voucher(tx, call, wanted)
        return Picked("voucher", made.id, made.code, Change("voucher", made.id, created=True))
    await pass_over_spent(tx, project_id, campaign, voucher_id)
    await tx.execute(_GIVE_VOUCHER, project_id, voucher_id, customer_id)
    voucher = await load_voucher(tx, project_id, voucher_id)
    limits = limits_of(voucher, project_id)
    await stage(tx, call, "voucher", voucher.id, voucher.version, limits)
    return Picked("voucher", voucher.id, voucher.code, Change("voucher", voucher.id))


async def _gift_card(tx: Transaction, call: Call, campaign: StoredCampaign, customer_id: str, may_wait: bool) -> Picked:
    project_id = call.tenant.project_id
    card_id = await _pick(tx, call, campaign, (_PICK_CARD, _AWAIT_CARD), may_wait)
    if card_id is None:
        terms = Terms(campaign.card_amount_minor, None, None, "active", None)
        wanted = issuing.NewCard(None, campaign.id, customer_id, terms, "{}", is_issued=True)
        made = await issuing.make_card(tx, call, wanted)
        return Picked("gift_card", made.id, made.code, Change("gift_card", made.id, created=True))
    await tx.execute(_GIVE_CARD, project_id, card_id, customer_id)
    card = await load_card(tx, project_id, card_id)
    await stage(tx, call, "gift_card", card.id, card.version, limits_of_card(card, project_id))
    return Picked("gift_card", card.id, card.code, Change("gift_card", card.id))


async def _pick(
    tx: Transaction, call: Call, campaign: StoredCampaign, statements: tuple[str, str], may_wait: bool
) -> str | None:
    """The id of one that can be given; None where one is to be made instead."""
    at_once, in_turn = statements
    arguments = (call.tenant.project_id, campaign.id, now_ms())
    found: str | None = await tx.fetchval(at_once, *arguments)
    if found is not None or campaign.auto_issue:
        return found
    if not may_wait:
        raise Contended
    found = await tx.fetchval(in_turn, *arguments)
    if found is None:
        raise Refused("no_code_left")
    return found


async def _loyalty_card(
    tx: Transaction, call: Call, program: StoredCampaign, customer_id: str, _may_wait: bool
) -> Picked:
    tenant = call.tenant
    card_id, made = await ensure_card(tx, tenant.shard, tenant.project_id, program.id, customer_id)
    card = await load_loyalty_card(tx, tenant.project_id, card_id)
    return Picked("loyalty_card", card.id, card.code, Change("loyalty_card", card.id, created=made))


async def _referral_code(
    tx: Transaction, call: Call, program: StoredCampaign, customer_id: str, _may_wait: bool
) -> Picked:
    code, made = await ensure_code(tx, call, program, customer_id)
    return Picked("referral_code", code.id, code.code, Change("referral_code", code.id, created=made))


_Picker = Callable[[Transaction, Call, StoredCampaign, str, bool], Awaitable[Picked]]
_PICKERS: dict[str, _Picker] = {
    "DISCOUNT": _voucher,
    "GIFT_CARD": _gift_card,
    "LOYALTY": _loyalty_card,
    "REFERRAL": _referral_code,
}
