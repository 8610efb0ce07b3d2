"""What is held: S13 what certainly stands is not refused, and ends once; L1 of it; L6 both stores hold the same.

Must never take a hold for expired, or for standing, where a server's clock may have been stepped.
"""

from collections import defaultdict

from tests.chaos.gathered import Reservation, SaidStatus, decode_as
from tests.chaos.history import Call
from tests.chaos.judging import Case
from tests.chaos.kept import KeptHold
from tests.chaos.orders import Order, may_be_lost

MARGIN_S = 0.2
FAR_MS = 5_000
"""A hold that expires so soon may be gone in one store and not yet in the other."""

_GONE = ("reservation_expired", "reservation_changed")


def check_holds(case: Case) -> None:
    """Every reservation, and what is left of all of them."""
    redemptions: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for kept in case.evidence.facts.stacks:
        if kept.reservation_id:
            redemptions[kept.project_id, kept.reservation_id].append(kept.id)
    for each in case.gathered.reservations:
        project = case.evidence.tenants[each.tenant].project_id
        _ends_once(case, each, redemptions.pop((project, each.id), []))
        _is_not_lost(case, each)
        _stands(case, each)
    for _, reservation_id in redemptions:
        case.report("S13", f"{reservation_id} was captured, nobody has reserved it")
    check_stores_hold_the_same(case)


def _ends_once(case: Case, held: Reservation, redemptions: list[str]) -> None:
    kept = held.kept
    if len(redemptions) > 1:
        case.report("S13", f"{held.id} was captured by {sorted(redemptions)}")
    if redemptions and (kept is None or (kept.status, kept.redemption_id) != ("captured", redemptions[0])):
        case.report("S13", f"{held.id} was captured by {redemptions[0]}, its row says {kept}")
    if kept is not None and kept.status == "captured" and not redemptions:
        case.report("S13", f"{held.id} is captured by {kept.redemption_id}, which is not there")
    if kept is not None and kept.status == "released" and not held.released:
        case.report("S13", f"{held.id} is released, nobody asked for that")
    if redemptions and _was_released(held) and not _release_may_be_lost(case, held):
        case.report("S13", f"{held.id} was released and captured")
    for call in (*held.extended, *held.captured, *held.released):
        asked = {"reservation_captured": held.captured, "reservation_released": held.released}.get(call.code)
        if asked is not None and not any(each.asked_at < call.answered_at for each in asked):
            case.report("S13", f"{held.id} was refused with {call.code}, nobody asked for that")


def _is_not_lost(case: Case, held: Reservation) -> None:
    if held.acknowledgements and held.kept is None and not held.lost:
        case.report("L1", f"{held.id} was held at {held.acknowledgements[0].answered_at:.3f} and is nowhere")
    is_held = held.kept is not None and held.kept.status == "held"
    if is_held and _was_released(held) and not _release_may_be_lost(case, held):
        case.report("L1", f"{held.id} was released, and still is held")


def _was_released(held: Reservation) -> bool:
    said = [decode_as(SaidStatus, call) for call in held.released if call.status == 200]
    return any(each is not None and each.status == "released" for each in said)


def _release_may_be_lost(case: Case, held: Reservation) -> bool:
    """Releases have no class of their own: they are answered as soon as Redis has them."""
    return may_be_lost(Order([c for c in held.released if c.status == 200], [], None, False), case.evidence, False)


def _stands(case: Case, held: Reservation) -> None:
    """Whoever holds may go on: nothing has expired before its time, nothing was sold to others."""
    setting = case.evidence.setting
    since, until = held.certain(setting.released_at, setting.has_stepped)
    for call in (*held.extended, *held.captured):
        ends_before = min((each.asked_at for each in _ends(held, call)), default=until)
        if not since <= call.asked_at or call.answered_at + MARGIN_S > min(held.stands_until, ends_before):
            continue
        is_full = call.verb == "capture" and call.code in ("limit_reached", "limit_held")
        is_fixed = all(case.limit_is_fixed(held.tenant, code) for code in held.codes)
        if since and (call.code in _GONE or (is_full and is_fixed)):
            case.report("S13", f"{held.id} stood until {held.stands_until:.3f}, {call.verb} was refused: {call.code}")


def _ends(held: Reservation, but: Call) -> list[Call]:
    """What may have ended it beside this call."""
    return [call for call in (*held.captured, *held.released)
            if call.number != but.number and (call.status == 200 or call.is_unknown)]  # fmt: skip


def check_stores_hold_the_same(case: Case) -> None:
    """L6: what counts in Redis is what PostgreSQL would bring there."""
    facts = case.evidence.facts
    present = {(counter.shard, counter.id) for counter in facts.redis}
    ledger = _lasting(facts.holds, facts.at_ms, present)
    redis = _lasting(facts.redis_holds, facts.at_ms, present)
    for hold in sorted(ledger - redis):
        case.report("L6", f"PostgreSQL holds {hold.amount} of {hold.counter} by {hold.owner}, Redis does not")
    for hold in sorted(redis - ledger):
        case.report("L6", f"Redis holds {hold.amount} of {hold.counter} by {hold.owner}, PostgreSQL does not")


def _lasting(holds: list[KeptHold], at_ms: int, present: set[tuple[int, str]]) -> set[KeptHold]:
    return {hold for hold in holds if hold.expires_ms > at_ms + FAR_MS and (hold.shard, hold.counter) in present}
