"""What was sold, against what may have been in force: S3, S5, S8, S9, S10. A sweep over the clients' clock."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable

from tests.chaos.history import Call
from tests.chaos.judging import Case, Span
from tests.chaos.limits import Definition
from tests.chaos.orders import NEVER, Order

TOLERANCE_S = 0.1
"""A cached answer may be so old."""


class Uses:
    """Spans of time in which something is used: how many certainly at once, how many possibly."""

    def __init__(
        self,
        orders: Iterable[Order],
        released_at: tuple[float, ...],
        held: Iterable[Span] = (),
        may_be_held: Iterable[Span] = (),
    ) -> None:
        certain = [(order.acknowledged_at, order.certain_until(released_at)) for order in orders]
        certain = [(since, until) for since, until in (*certain, *held) if since < until]
        possible = [*may_be_held, *(order.possible for order in orders if order.possible is not None)]
        self._since = sorted(since for since, _ in certain)
        self._until = sorted(until for _, until in certain)
        self._may_since = sorted(since for since, _ in possible)
        self._may_until = sorted(until for _, until in possible)

    def peaks(self) -> list[tuple[float, int]]:
        """When something more is certainly used, and how much then is."""
        return [(at, self.all_through(at, at)) for at in self._since]

    def all_through(self, from_at: float, until_at: float) -> int:
        """So many were certainly used before, and until after."""
        return bisect_right(self._since, from_at) - bisect_right(self._until, until_at)

    def most(self, from_at: float, until_at: float) -> int:
        """So many may have been used at some instant of the time."""
        return bisect_right(self._may_since, until_at) - bisect_left(self._may_until, from_at)


def check_limits(case: Case) -> None:
    """S3, S5, S8, S9 and S10 for every campaign, its customers and its codes."""
    released_at = case.evidence.setting.released_at
    for campaign_id, definition in case.definitions.items():
        orders = [*case.by_campaign.get(campaign_id, []), *case.parts_by_campaign.get(campaign_id, [])]
        total = Uses(orders, released_at)
        _never_over(case, definition, Uses(orders, released_at, held=case.certain_holds.get(campaign_id, [])))
        _no_stale_grant(case, definition, orders, total)
        customers = _grouped(orders, by_customer=True)
        codes = _grouped(orders, by_customer=False)
        parts = {name: Uses(group, released_at) for name, group in (customers | codes).items()}
        _never_over_in_part(case, definition, parts)
        _no_false_refusal(case, definition, orders, total, parts)


def _grouped(orders: list[Order], by_customer: bool) -> dict[str, list[Order]]:
    grouped: defaultdict[str, list[Order]] = defaultdict(list)
    for order in orders:
        name = f"customer {order.call.customer_id}" if by_customer else f"code {order.call.target}"
        grouped[name].append(order)
    return grouped


def _never_over(case: Case, definition: Definition, total: Uses) -> None:
    campaign = definition.offer.campaign_id
    for at, used in total.peaks():
        limit = definition.greatest_until(at)
        if used > limit:
            case.report("S3", f"{campaign}: {used} acknowledged or held at {at:.3f}, {limit} at most were allowed")
            break
    kept, limit = case.standing[campaign], definition.greatest_until(NEVER)
    if kept - case.injected_units.get(f"r:{campaign}", 0) > limit:
        case.report("S10", f"{campaign}: {kept} rows over all epochs, {limit} at most were allowed")


def _never_over_in_part(case: Case, definition: Definition, parts: dict[str, Uses]) -> None:
    offer = definition.offer
    for name, uses in parts.items():
        invariant, limit = ("S5", offer.per_customer) if name.startswith("customer ") else ("S3", offer.per_code)
        if limit is None:
            continue
        over = next(((at, used) for at, used in uses.peaks() if used > limit), None)
        if over is not None:
            case.report(
                invariant, f"{offer.campaign_id}: {name} has {over[1]} acknowledged at {over[0]:.3f} of {limit}"
            )


def _no_stale_grant(case: Case, definition: Definition, orders: list[Order], total: Uses) -> None:
    campaign = definition.offer.campaign_id
    for order in orders:
        for call in order.acknowledgements[:1]:
            # A replay may be of a grant that an earlier attempt had; what is no replay was granted by this one.
            started = order.call.asked_at if call.replayed else call.asked_at
            if definition.was_certainly_paused(started, call.answered_at):
                case.report("S8", f"{campaign}: {order.key} was granted after the pause had been answered")
            limit = definition.greatest(started, call.answered_at)
            before = total.all_through(started, call.answered_at)
            if before >= limit:
                case.report("S8", f"{campaign}: {order.key} was granted where {before} of {limit} were used")


def _no_false_refusal(
    case: Case, definition: Definition, orders: list[Order], total: Uses, parts: dict[str, Uses]
) -> None:
    offer = definition.offer
    extra = case.injected_units.get(f"r:{offer.campaign_id}", 0)
    for order in orders:
        for call in order.attempts if order.call.verb == "redeem" else ():  # stacks are refusals_right.py's
            code = call.code
            if code == "limit_reached":
                since, until = call.asked_at - TOLERANCE_S, call.answered_at
                least, used = definition.least(since, until), total.most(since, until) + extra
                if used < least and not _code_is_used_up(call, definition, parts):
                    case.report("S9", f"{offer.campaign_id}: {order.key} refused with {used} of {least} used at most")
            elif code == "customer_limit_reached" and offer.per_customer is not None:
                uses = parts[f"customer {call.customer_id}"]
                used = uses.most(call.asked_at - TOLERANCE_S, call.answered_at) + extra
                if used < offer.per_customer:
                    text = f"{offer.campaign_id}: {order.key} refused, its customer had {used} at most"
                    case.report("S9", f"{text} of {offer.per_customer}")
            elif call.is_refusal and not _is_plain(call, definition):
                case.report("S9", f"{offer.campaign_id}: {order.key} was refused with {code or call.status}")


def _code_is_used_up(call: Call, definition: Definition, parts: dict[str, Uses]) -> bool:
    per_code = definition.offer.per_code
    if per_code is None:
        return False
    return parts[f"code {call.target}"].most(call.asked_at - TOLERANCE_S, call.answered_at) >= per_code


def _is_plain(call: Call, definition: Definition) -> bool:
    """Whether a refusal that names no limit may be true: every order of a run is a good one."""
    if call.code == "campaign_paused":
        return definition.may_be_paused(call.asked_at - TOLERANCE_S, call.answered_at)
    return call.code == "ledger_refused"
