"""S9 for stacks and reservations: of each redeemable that was refused it is asked whether that may be true."""

from functools import cached_property

import msgspec

from tests.chaos.cards_asked import EMPTY
from tests.chaos.cards_kept import Purse, ledger_may_refuse, purses
from tests.chaos.history import Call
from tests.chaos.judging import Case
from tests.chaos.limits_kept import TOLERANCE_S, Uses
from tests.chaos.orders import Order

PARTIAL_TENANT = 1
"""Whose stacks go without what is refused."""

_OF_RESERVATIONS = ("reservation_expired", "reservation_released", "reservation_captured", "reservation_changed")


class _Redeemable(msgspec.Struct, frozen=True):
    id: str
    status: str
    code: str | None = None


class _Redeemables(msgspec.Struct, frozen=True):
    redeemables: tuple[_Redeemable, ...] = ()


class _Campaign:
    """What may have been used and held of one campaign."""

    def __init__(self, case: Case, campaign_id: str) -> None:
        self.definition = case.definitions[campaign_id]
        self.extra = case.injected_units.get(f"r:{campaign_id}", 0)
        self._parts = case.parts_by_campaign.get(campaign_id, [])
        self._released_at = case.evidence.setting.released_at
        self._spans = case.possible_holds.get(campaign_id, [])

    @cached_property
    def used(self) -> Uses:
        return Uses(self._parts, self._released_at)

    @cached_property
    def used_or_held(self) -> Uses:
        return Uses(self._parts, self._released_at, may_be_held=self._spans)

    def by(self, customer_id: str | None) -> Uses:
        mine: list[Order] = [part for part in self._parts if part.call.customer_id == customer_id]
        return Uses(mine, self._released_at)


def check_refusals(case: Case) -> None:
    """Every refusal, and what a stack went without."""
    known: dict[str, _Campaign] = {}
    campaigns, of_cards = case.campaign_of, purses(case)
    for call in case.evidence.calls:
        if call.verb not in ("stack", "reserve", "capture") or call.is_unknown or call.replayed:
            continue
        said = msgspec.json.decode(call.body, type=_Redeemables).redeemables
        blamed = [each for each in said if each.code not in (None, "stack_refused")]
        if call.is_refusal and not _is_of_the_whole(call, blamed) and not ledger_may_refuse(call, of_cards):
            case.report("S9", f"{call.verb} {call.key} was refused with {call.code or call.status}")
        if not call.is_refusal and call.tenant != PARTIAL_TENANT and any(each.code != "no_effect" for each in blamed):
            case.report("S9", f"{call.verb} {call.key} went without {blamed[0].id}, where all go together")
        for each in blamed:
            if (call.tenant, each.id) in case.card_of:
                if not _card_is_empty(call, each, of_cards):
                    case.report("S9", f"{call.verb} {call.key}: {each.id} was refused with {each.code}")
                continue
            campaign_id = campaigns.get((call.tenant, each.id))
            if campaign_id is None:
                case.report("S9", f"{call.verb} {call.key} was refused for {each.id}, which it had not asked for")
                continue
            campaign = known.setdefault(campaign_id, _Campaign(case, campaign_id))
            together = sum(campaigns.get((call.tenant, other.id)) == campaign_id for other in said)
            if not _may_be_true(call, each.code or "", campaign, together):
                case.report("S9", f"{call.verb} {call.key}: {each.id} was refused with {each.code}")


def _is_of_the_whole(call: Call, blamed: list[_Redeemable]) -> bool:
    if call.verb == "capture" and call.code in _OF_RESERVATIONS:
        return True
    if call.code == "nothing_applicable":
        return call.tenant == PARTIAL_TENANT and bool(blamed)
    return call.code == "ledger_refused" or call.code in [each.code for each in blamed]


def _card_is_empty(call: Call, said: _Redeemable, of_cards: dict[tuple[int, str], Purse]) -> bool:
    """Whether there may have been less than was asked for; or nothing to pay, where another card has paid it all."""
    purse = of_cards.get((call.tenant, said.id))
    if purse is None:
        return False  # a promotion tier is there for all
    if said.code == "no_effect":
        return sum((call.tenant, code) in of_cards for code in call.target.split("+")) > 1
    return said.code in EMPTY and purse.may_be_empty(call)


def _may_be_true(call: Call, code: str, campaign: _Campaign, together: int) -> bool:
    """Whether it was so at some instant of the call. Of `together` redeemables of one campaign one may be too many."""
    since, until = call.asked_at - TOLERANCE_S, call.answered_at
    definition = campaign.definition
    if code == "campaign_paused":
        return definition.may_be_paused(since, until)
    if code == "customer_limit_reached":
        per_customer = definition.offer.per_customer
        return per_customer is not None and campaign.by(call.customer_id).most(since, until) >= per_customer
    if code not in ("limit_reached", "limit_held"):
        return False
    uses = campaign.used if code == "limit_reached" else campaign.used_or_held
    return uses.most(since, until) + campaign.extra + together > definition.least(since, until)
