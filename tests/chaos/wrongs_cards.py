"""Ways in which a history of cards can be wrong, as wrongs.py has them of single codes."""

import random

from msgspec.structs import replace

from tests.chaos.history import Call, Evidence
from tests.chaos.kept_cards import Entry, KeptCard
from tests.chaos.simulated_cards import COUNTERS, EMPTY

LATE = 1e5


def _cards_with(evidence: Evidence, type_: str) -> list[tuple[KeptCard, Entry]]:
    """Entries of this type, with their cards."""
    return [(card, entry) for card in evidence.facts.cards for entry in card.entries if entry.type == type_]


def _put(evidence: Evidence, old: KeptCard, entries: list[Entry]) -> None:
    """The card with these entries instead, as if it had never had others: its balances follow."""
    kept, balance, earned, spent = list[Entry](), 0, 0, 0
    for number, entry in enumerate(entries, 1):
        balance += entry.amount
        kept.append(replace(entry, number=number, balance=balance))
        if entry.type in ("spend", "refund"):
            spent -= entry.amount
        else:
            earned += entry.amount
    new = replace(old, entries=kept, balance=balance, lots=[(0, earned, spent)])
    cards = [new if card == old else card for card in evidence.facts.cards]
    name = COUNTERS[old.object]
    redis = [replace(c, limit=earned) if c.id == name else c for c in evidence.facts.redis]
    evidence.facts = replace(evidence.facts, cards=cards, redis=redis)


def _drop(evidence: Evidence, draw: random.Random, type_: str) -> bool:
    found = _cards_with(evidence, type_)
    if not found:
        return False
    card, entry = draw.choice(found)
    _put(evidence, card, [each for each in card.entries if each != entry])
    return True


def _double(evidence: Evidence, draw: random.Random, type_: str) -> bool:
    found = _cards_with(evidence, type_)
    if not found:
        return False
    card, entry = draw.choice(found)
    _put(evidence, card, [*card.entries, entry])
    return True


def a_spend_posted_twice(evidence: Evidence, draw: random.Random) -> bool:
    return _double(evidence, draw, "spend")


def a_spend_that_is_not_posted(evidence: Evidence, draw: random.Random) -> bool:
    return _drop(evidence, draw, "spend")


def a_refund_that_is_not_posted(evidence: Evidence, draw: random.Random) -> bool:
    return _drop(evidence, draw, "refund")


def a_top_up_made_twice(evidence: Evidence, draw: random.Random) -> bool:
    return _double(evidence, draw, "top_up")


def points_earned_twice(evidence: Evidence, draw: random.Random) -> bool:
    return _double(evidence, draw, "earn")


def a_balance_that_its_entries_do_not_make(evidence: Evidence, draw: random.Random) -> bool:
    card = draw.choice(evidence.facts.cards)
    cards = [replace(each, balance=each.balance + 1) if each == card else each for each in evidence.facts.cards]
    evidence.facts = replace(evidence.facts, cards=cards)
    return True


def a_card_that_was_uneven_for_a_moment(evidence: Evidence, draw: random.Random) -> bool:
    if not evidence.samples:
        return False
    number = draw.randrange(len(evidence.samples))
    evidence.samples[number] = replace(evidence.samples[number], uneven=["a:gft_1"])
    return True


def a_top_up_that_is_lost(evidence: Evidence, draw: random.Random) -> bool:
    return _drop(evidence, draw, "top_up")


def points_that_are_lost(evidence: Evidence, draw: random.Random) -> bool:
    return _drop(evidence, draw, "earn")


def a_refund_that_takes_no_points_back(evidence: Evidence, draw: random.Random) -> bool:
    return _drop(evidence, draw, "take_back")


def a_card_that_refuses_what_it_has(evidence: Evidence, draw: random.Random) -> bool:
    with_something = [card for card in evidence.facts.cards if card.balance]
    if not with_something:
        return False
    _refused(evidence, draw.choice(with_something))
    return True


def a_card_that_is_called_empty(evidence: Evidence, draw: random.Random) -> bool:
    # What was put on it may not have been in force yet where that was said.
    pending = sum(call.order_value_minor for call in evidence.calls if call.verb == "top_up" and call.status == 202)
    with_more = [card for card in evidence.facts.cards if card.balance > pending]
    if not with_more:
        return False
    _refused(evidence, draw.choice(with_more))
    return True


def _refused(evidence: Evidence, card: KeptCard) -> None:
    code = EMPTY[card.object].encode()
    body = b'{"code":"%s","redeemables":[{"id":"%s","status":"inapplicable","code":"%s"}]}' % (
        code, card.code.encode(), code)  # fmt: skip
    asked = b'{"redeemables":[{"id":"%s"}]}' % card.code.encode()
    evidence.calls.append(
        Call(0, "stack", 0, "", card.code, "refused-card", "p0", 7497, 0, LATE, LATE + 1, 409, body,
             order_id="ord-refused-card", asked=asked)
    )  # fmt: skip


def a_top_up_that_came_too_late(evidence: Evidence, draw: random.Random) -> bool:
    """What was spent stands, but was put on the card only when all was over."""
    if not any(call.verb == "stack" and call.status == 200 and call.target == "GIFT" for call in evidence.calls):
        return False
    evidence.cards = [replace(card, first=0) if card.id == "gft_1" else card for card in evidence.cards]
    late = [replace(call, asked_at=LATE, answered_at=LATE + 1) if call.verb == "top_up" else call
            for call in evidence.calls]  # fmt: skip
    # What may have come back would excuse it: in this history nobody asked for that.
    evidence.calls = [call for call in late if call.verb != "return"]
    evidence.facts = replace(
        evidence.facts, stacks=[replace(kept, returns=[], status="redeemed") for kept in evidence.facts.stacks]
    )
    return True


WRONG_CARDS = {
    "S9": (a_card_that_is_called_empty,),
    "S14": (
        a_spend_posted_twice,
        a_spend_that_is_not_posted,
        a_refund_that_is_not_posted,
        a_top_up_made_twice,
        points_earned_twice,
        a_balance_that_its_entries_do_not_make,
        a_card_that_was_uneven_for_a_moment,
    ),
    "S15": (a_top_up_that_came_too_late,),
    "L7": (
        a_top_up_that_is_lost,
        points_that_are_lost,
        a_refund_that_takes_no_points_back,
        a_card_that_refuses_what_it_has,
    ),
}
"""By the invariant that must catch them."""
