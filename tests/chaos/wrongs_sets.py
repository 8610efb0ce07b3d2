"""Ways in which a history of stacks and reservations can be wrong, as wrongs.py has them of single codes."""

import random

import msgspec
from msgspec.structs import replace

from domain.ids import redemption_id
from tests.chaos.history import Call, Evidence
from tests.chaos.kept import Kept
from tests.chaos.simulated_sets import PROJECT, answer_of

LATE = 1e5
CARDS = ("GIFT", "POINTS")


def _standing(evidence: Evidence, draw: random.Random) -> tuple[Call, Kept] | None:
    """A stack without cards that was acknowledged, of which nothing has come back."""
    kept = {each.id: each for each in evidence.facts.stacks if not each.returns and not each.reservation_id
            and not any(line.code in CARDS for line in each.lines)}  # fmt: skip
    pairs = [(call, kept[call_id]) for call in evidence.calls if call.verb == "stack" and call.status == 200
             for call_id in kept if call.body == answer_of(kept[call_id])]  # fmt: skip
    return draw.choice(pairs) if pairs else None


def _put(evidence: Evidence, old: Kept, *new: Kept) -> None:
    stacks = [each for each in evidence.facts.stacks if each != old]
    evidence.facts = replace(evidence.facts, stacks=[*stacks, *new])


def a_stack_that_is_lost(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    _put(evidence, found[1])
    return True


def an_order_redeemed_twice(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    call, kept = found
    more = replace(kept, key="once-more", id=redemption_id(PROJECT, "redemptions", "once-more"))
    _put(evidence, kept, kept, more)
    evidence.calls.append(
        replace(call, key="once-more", body=answer_of(more), asked_at=LATE, answered_at=LATE + 1, replayed=False)
    )
    return True


def a_stack_answered_in_two_ways(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    call, _ = found
    body = call.body.replace(b"5.0}", b"4.0}", 1)
    evidence.calls.append(replace(call, body=body, asked_at=LATE, answered_at=LATE + 1, replayed=True))
    return True


def a_stack_of_another_order(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    call, _ = found
    evidence.calls.append(replace(call, key="anothers", order_id="ord-anothers", asked_at=LATE, answered_at=LATE + 1))
    return True


def a_stack_refused_for_no_reason(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    body = b'{"code":"limit_reached","redeemables":[{"id":"SB","status":"inapplicable","code":"limit_reached"}]}'
    evidence.calls.append(
        replace(found[0], key="refused", order_id="ord-refused", target="SB", status=409, body=body, asked_at=LATE,
                answered_at=LATE + 1, replayed=False)
    )  # fmt: skip
    return True


def _with_a_return(evidence: Evidence, draw: random.Random) -> Kept | None:
    kept = [each for each in evidence.facts.stacks if each.returns]
    return draw.choice(kept) if kept else None


def a_return_that_makes_money(evidence: Evidence, draw: random.Random) -> bool:
    kept = _with_a_return(evidence, draw)
    if kept is None:
        return False
    *before, last = kept.returns
    dearer = replace(last, refund_minor=last.refund_minor + 1)
    _put(evidence, kept, replace(kept, refunded_minor=kept.refunded_minor + 1, returns=[*before, dearer]))
    return True


def units_that_come_back_twice(evidence: Evidence, draw: random.Random) -> bool:
    kept = [each for each in evidence.facts.stacks if each.is_gone]
    if not kept:
        return False
    old = draw.choice(kept)
    *before, last = old.returns
    more = replace(last, moves=[*last.moves, ("r:cmp_sb", 1)])
    _put(evidence, old, replace(old, returns=[*before, more]))
    return True


def a_return_that_nobody_asked_for(evidence: Evidence, draw: random.Random) -> bool:
    kept = _with_a_return(evidence, draw)
    if kept is None:
        return False
    *before, last = kept.returns
    _put(evidence, kept, replace(kept, returns=[*before, replace(last, key="nobodys")]))
    return True


def a_reservation_captured_by_nothing(evidence: Evidence, draw: random.Random) -> bool:
    captured = [each for each in evidence.facts.stacks if each.reservation_id]
    if not captured:
        return False
    _put(evidence, draw.choice(captured))
    return True


def a_reservation_released_and_captured(evidence: Evidence, draw: random.Random) -> bool:
    captured = [call for call in evidence.calls if call.verb == "capture" and call.status == 200]
    if not captured:
        return False
    call = draw.choice(captured)
    body = b'{"id":"%s","status":"released"}' % call.target.encode()
    evidence.calls.append(replace(call, verb="release", key="released-too", body=body))
    return True


def a_hold_that_did_not_stand(evidence: Evidence, draw: random.Random) -> bool:
    ended = {call.target for call in evidence.calls if call.verb in ("capture", "release")}
    made = [call for call in evidence.calls if call.verb == "reserve" and call.status == 201]
    ids = [msgspec.json.decode(call.body)["id"] for call in made]
    standing = [id_ for id_ in ids if id_ not in ended]
    if not standing:
        return False
    at = max(call.answered_at for call in evidence.calls) + 1
    refused = Call(0, "capture", 0, "", draw.choice(standing), "too-late", None, 0, 0, at, at + 1, 409,
                   b'{"code":"reservation_expired"}')  # fmt: skip
    evidence.calls.append(refused)
    return True


def what_is_held_sold_to_others(evidence: Evidence, draw: random.Random) -> bool:
    """While a unit is certainly held, the only other one is sold twice."""
    held = [call for call in evidence.calls if call.verb == "reserve" and call.status == 201]
    sold = [call for call in evidence.calls if call.verb == "stack" and call.status == 200 and "SA1" in call.target]
    if not held or len(sold) < 2:
        return False
    evidence.offers[:] = [replace(o, limit=2) if o.campaign_id == "cmp_sa" else o for o in evidence.offers]
    # Nothing of it ends, in this history.
    evidence.calls = [call for call in evidence.calls if call.verb not in ("capture", "release", "return")]
    return True


def a_hold_that_one_store_does_not_know(evidence: Evidence, draw: random.Random) -> bool:
    if not evidence.facts.holds:
        return False
    holds = list(evidence.facts.holds)
    if draw.random() < 0.5:
        evidence.facts = replace(evidence.facts, holds=holds[1:])
    else:
        evidence.facts = replace(evidence.facts, redis_holds=holds[1:])
    return True


WRONG_SETS = {
    "L1": (a_stack_that_is_lost,),
    "L6": (a_hold_that_one_store_does_not_know,),
    "S3": (what_is_held_sold_to_others,),
    "S4": (a_stack_answered_in_two_ways,),
    "S6": (a_stack_of_another_order,),
    "S9": (a_stack_refused_for_no_reason,),
    "S11": (an_order_redeemed_twice,),
    "S12": (a_return_that_makes_money, units_that_come_back_twice, a_return_that_nobody_asked_for),
    "S13": (
        a_reservation_captured_by_nothing,
        a_reservation_released_and_captured,
        a_hold_that_did_not_stand,
    ),
}
"""By the invariant that must catch them."""
