"""A referral program's terms: read from a body, checked, shown. Must never give what cannot be given."""

from typing import Any

import msgspec
from msgspec import UnsetType

from control_plane.amounts import read_amount
from control_plane.loyalty_programs.services import LOYALTY
from control_plane.problems import Errors
from control_plane.programs import load_program
from control_plane.referral_programs.schemas import ProgramTerms, RewardInput, RewardView
from control_plane.shop_ids import once_each
from domain.ids import is_id
from domain.money import to_major
from domain.problems import Refused
from domain.referrals import EMAIL, SIDES, ReferralProgram, Reward, RewardType
from store.database import Transaction
from store.queries import query

_CAMPAIGN = query("control_campaign")
_FIELDS: dict[RewardType, tuple[str, ...]] = {
    "voucher": ("campaign_id",),
    "gift_card": ("amount",),
    "points": ("program_id", "points"),
}
"""What a reward of each type takes, and needs."""


def merge(before: ReferralProgram, wish: ProgramTerms, decimals: int, errors: Errors) -> ReferralProgram:
    """The terms that the wish makes of those before; of no use if errors were noted."""
    changes: dict[str, Any] = {}
    if not isinstance(wish.identity_keys, UnsetType):
        changes["identity_keys"] = once_each(wish.identity_keys)
        if EMAIL in changes["identity_keys"]:
            errors.add("/identity_keys", f"{EMAIL} is compared in every program")
    for side in SIDES:
        name = f"{side}_reward"
        given: RewardInput | UnsetType | None = getattr(wish, name)
        if not isinstance(given, UnsetType):
            changes[name] = None if given is None else _reward(given, f"/{name}", decimals, errors)
    return msgspec.structs.replace(before, **changes)


def _reward(given: RewardInput, at: str, decimals: int, errors: Errors) -> Reward | None:
    if isinstance(given.type, UnsetType):  # noted as a fault already
        return None
    amount_minor = read_amount(given.amount, f"{at}/amount", decimals, errors) or 0
    for name in ("campaign_id", "amount", "program_id", "points"):
        wanted, is_given = name in _FIELDS[given.type], getattr(given, name) not in (msgspec.UNSET, None)
        if wanted and not is_given:
            errors.add(f"{at}/{name}", f"is required with the type {given.type}")
        elif is_given and not wanted:
            errors.add(f"{at}/{name}", f"does not go with the type {given.type}")
    return Reward(
        given.type,
        campaign_id=given.campaign_id or None,
        amount_minor=amount_minor,
        program_id=given.program_id or None,
        points=given.points or 0,
    )


async def require_rewards(tx: Transaction, project_id: str, program: ReferralProgram, errors: Errors) -> None:
    """Refuse rewards of campaigns or programs that the project does not have."""
    for side in SIDES:
        reward: Reward | None = getattr(program, f"{side}_reward")
        if reward is None:
            continue
        if reward.campaign_id is not None and not await _gives_vouchers(tx, project_id, reward.campaign_id):
            errors.add(f"/{side}_reward/campaign_id", "is not a campaign of vouchers with a discount")
        if reward.program_id is not None and not await _has_program(tx, project_id, reward.program_id):
            errors.add(f"/{side}_reward/program_id", "there is no such loyalty program")
    errors.raise_if_any()


async def _gives_vouchers(tx: Transaction, project_id: str, campaign_id: str) -> bool:
    row = await tx.fetchrow(_CAMPAIGN, project_id, campaign_id) if is_id("cmp", campaign_id) else None
    return row is not None and row["type"] == "DISCOUNT" and row["rules"].get("discount_type") is not None


async def _has_program(tx: Transaction, project_id: str, program_id: str) -> bool:
    try:
        await load_program(tx, project_id, LOYALTY, program_id)
    except Refused:
        return False
    return True


def show_reward(reward: Reward | None, decimals: int) -> RewardView | None:
    """The reward as the API shows it."""
    if reward is None:
        return None
    amount = to_major(reward.amount_minor, decimals) if reward.type == "gift_card" else None
    return RewardView(reward.type, reward.campaign_id, amount, reward.program_id, reward.points or None)
