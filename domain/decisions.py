"""Decisions: a pure function of (definition, request, time) that refuses with a code or grants with moves.

Must never read a count: limits are judged where they live, in the commit. A decision names the interval of time
in which it holds; outside it the commit answers STALE and the caller decides again.
"""

import msgspec

from . import definitions as names
from .definitions import Campaign, Voucher
from .discounts import discount_minor
from .events import Line
from .ledger import Check, Move


class Request(msgspec.Struct, frozen=True):
    """What a checkout asks: amounts in minor units of the project's currency."""

    customer_id: str | None
    order_value_minor: int


class Decision(msgspec.Struct, frozen=True):
    """`refusal` is an outcome code, or None where it is granted if every limit allows it.

    `refusals` names, move by move, the outcome code if that move's limit refuses.
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


def decide(voucher: Voucher, campaign: Campaign | None, request: Request, now_ms: int, epoch: int) -> Decision:
    """Judge a voucher for a request. `campaign` is the voucher's, None where it has none; `epoch` is the one whose
    counters will be moved."""
    checks = _checks(voucher, campaign)
    starts_ms, expires_ms = _interval(voucher, campaign)
    if voucher.disabled:
        return Decision("voucher_disabled", checks)
    if campaign is not None and campaign.paused:
        return Decision("campaign_paused", checks)
    if expires_ms and now_ms >= expires_ms:
        return Decision("voucher_expired", checks, not_before_ms=expires_ms)
    if now_ms < starts_ms:
        return Decision("voucher_not_started", checks, not_after_ms=min(starts_ms, expires_ms or starts_ms))
    if request.customer_id is None and _counts_customers(voucher, campaign):
        return Decision("customer_required", checks, starts_ms, expires_ms)
    discount = voucher.discount or (campaign.discount if campaign else None)
    off = discount_minor(discount, request.order_value_minor) if discount else 0
    moves, families, refusals = zip(*_moves(voucher, campaign, request, off, epoch), strict=True)
    line = Line(
        "voucher",
        voucher.id,
        voucher.campaign_id,
        voucher.code,
        off,
        tuple([(move.counter, move.amount, family) for move, family in zip(moves, families, strict=True)]),
    )
    return Decision(
        refusal=None,
        checks=checks,
        not_before_ms=starts_ms,
        not_after_ms=expires_ms,
        discount_minor=off,
        committed=voucher.committed or (campaign is not None and campaign.committed),
        lines=(line,),
        moves=moves,
        refusals=refusals,
    )


def _checks(voucher: Voucher, campaign: Campaign | None) -> tuple[Check, ...]:
    own = Check(names.voucher_key(voucher.project_id, voucher.code), voucher.version)
    return (own,) if campaign is None else (own, Check(names.campaign_key(campaign.id), campaign.version))


def _interval(voucher: Voucher, campaign: Campaign | None) -> tuple[int, int]:
    """From when until before when both hold; an end of 0 is none."""
    starts_ms, expires_ms = voucher.starts_ms or 0, voucher.expires_ms or 0
    if campaign is not None:
        if campaign.starts_ms is not None and campaign.starts_ms > starts_ms:
            starts_ms = campaign.starts_ms
        if campaign.expires_ms is not None and (not expires_ms or campaign.expires_ms < expires_ms):
            expires_ms = campaign.expires_ms
    return starts_ms, expires_ms


def _counts_customers(voucher: Voucher, campaign: Campaign | None) -> bool:
    return voucher.per_customer_limit is not None or (campaign is not None and campaign.per_customer_limit is not None)


_Planned = tuple[Move, str, str]  # the move, its family in PostgreSQL ('' for none), the code if its limit refuses


def _moves(voucher: Voucher, campaign: Campaign | None, request: Request, off: int, epoch: int) -> list[_Planned]:
    """Limits travel with the moves: the versions that the commit checks cover them."""
    planned = [_own_move(voucher, campaign)]
    # A standalone voucher sums its discounts from the first day, so that a budget set later knows them.
    if off and (voucher.budget_minor is not None or campaign is None):
        planned.append(_budget_move(voucher, off))
    planned += _customer_move(voucher, request, epoch)
    if campaign is not None:
        total = names.redemptions_counter(campaign.id)
        planned.append((Move(total, 1, _or_unlimited(campaign.limit), campaign.window), "", "limit_reached"))
        if off:
            planned.append(_budget_move(campaign, off))
        planned += _customer_move(campaign, request, epoch)
    return planned


def _or_unlimited(limit: int | None) -> int:
    return names.UNLIMITED if limit is None else limit


def _own_move(voucher: Voucher, campaign: Campaign | None) -> _Planned:
    counter = names.redemptions_counter(voucher.id)
    if campaign is None or voucher.limit is not None:
        limit, family = voucher.limit, ""
    else:
        limit, family = campaign.per_code_limit, names.code_family(campaign.id)
    return Move(counter, 1, _or_unlimited(limit), voucher.window), family, "limit_reached"


def _budget_move(definition: Voucher | Campaign, off: int) -> _Planned:
    counter, limit = names.budget_counter(definition.id), _or_unlimited(definition.budget_minor)
    return Move(counter, off, limit, names.BUDGET_WINDOW_MINOR), "", "budget_exhausted"


def _customer_move(definition: Voucher | Campaign, request: Request, epoch: int) -> list[_Planned]:
    if definition.per_customer_limit is None or request.customer_id is None:
        return []
    move = Move(
        names.customer_counter(definition.id, request.customer_id),
        1,
        definition.per_customer_limit,
        definition.window,
        absent_is_zero=definition.counts_customers_since == epoch,
    )
    return [(move, names.customer_family(definition.id), "customer_limit_reached")]
