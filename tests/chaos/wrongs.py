"""Ways in which a history can be wrong: each changes one thing of a right one, and names what must catch it.

None where a history has nothing of the kind to change. Must never be lenient: a wrong that the checker may miss in
some history does not belong here.
"""

import random
from collections.abc import Callable

from msgspec.structs import replace

from domain.ids import redemption_id
from tests.chaos.history import Call, Change, Epoch, Evidence, Loss, RedisCounter, Row
from tests.chaos.simulated import body_of
from tests.chaos.wrongs_cards import WRONG_CARDS
from tests.chaos.wrongs_sets import WRONG_SETS

Wrong = Callable[[Evidence, random.Random], bool]
WRONGS: dict[str, tuple[str, Wrong]] = {}


def wrong(invariant: str) -> Callable[[Wrong], Wrong]:
    def known(function: Wrong) -> Wrong:
        WRONGS[function.__name__] = (invariant, function)
        return function

    return known


def _acknowledged(evidence: Evidence) -> list[Call]:
    return [call for call in evidence.calls if call.verb == "redeem" and call.status == 200]


def _put(evidence: Evidence, old: Call, **fields: object) -> None:
    evidence.calls[evidence.calls.index(old)] = replace(old, **fields)


def _facts(evidence: Evidence, **fields: object) -> None:
    evidence.facts = replace(evidence.facts, **fields)


def _row_of(evidence: Evidence, call: Call) -> Row:
    project = evidence.tenants[call.tenant].project_id
    return next(row for row in evidence.facts.rows if (row.project_id, row.key) == (project, call.key))


def _standing(evidence: Evidence, draw: random.Random) -> tuple[Call, Row] | None:
    pairs = [(call, _row_of(evidence, call)) for call in _acknowledged(evidence)]
    pairs = [pair for pair in pairs if not pair[1].rolled_back]
    return draw.choice(pairs) if pairs else None


def _change_row(evidence: Evidence, draw: random.Random, **fields: object) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    rows = [replace(row, **fields) if row == found[1] else row for row in evidence.facts.rows]
    _facts(evidence, rows=rows)
    return True


@wrong("L1")
def a_lost_row(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    _facts(evidence, rows=[row for row in evidence.facts.rows if row != found[1]])
    return True


@wrong("S4")
def a_double_row(evidence: Evidence, draw: random.Random) -> bool:
    row = draw.choice(evidence.facts.rows)
    _facts(evidence, rows=[*evidence.facts.rows, replace(row, id="rdm_OTHER")])
    return True


def _one_more(evidence: Evidence, call: Call, row: Row, **fields: object) -> None:
    """Another acknowledgement like this one, with its row, right after it."""
    key = "one-more"
    more = replace(row, key=key, id=redemption_id(row.project_id, "redeem", key), **fields)
    at = max(each.answered_at for each in evidence.calls) + 1
    _facts(evidence, rows=[*evidence.facts.rows, more])
    evidence.calls.append(
        replace(call, number=9999, key=key, asked_at=at, answered_at=at + 0.01, body=body_of(more), replayed=False,
                customer_id=more.customer_id)
    )  # fmt: skip


@wrong("S3")
def one_over(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None:
        return False
    call, row = found
    campaign = call.campaign_id
    evidence.changes = [change for change in evidence.changes if change.campaign_id != campaign]
    # What may have been given back would excuse it: in this history nothing is.
    evidence.calls = [each for each in evidence.calls if each.verb != "rollback"]
    _facts(evidence, rows=[replace(each, rolled_back=False) for each in evidence.facts.rows])
    sold = sum(each.campaign_id == campaign for each in evidence.facts.rows)
    evidence.offers[:] = [replace(o, limit=sold) if o.campaign_id == campaign else o for o in evidence.offers]
    _one_more(evidence, call, row, customer_id="another")
    return True


@wrong("S5")
def one_over_for_a_customer(evidence: Evidence, draw: random.Random) -> bool:
    found = _standing(evidence, draw)
    if found is None or evidence.offers[found[0].tenant].per_customer is None:
        return False
    call, row = found
    evidence.offers[call.tenant] = replace(evidence.offers[call.tenant], per_customer=1)
    _one_more(evidence, call, row)
    return True


@wrong("S8")
def a_stale_grant_after_a_pause(evidence: Evidence, draw: random.Random) -> bool:
    refused = [call for call in evidence.calls if call.code == "campaign_paused"]
    granted = [
        call
        for call in _acknowledged(evidence)
        if any(r.campaign_id == call.campaign_id for r in refused) and not call.replayed
    ]
    if not granted:
        return False
    call = draw.choice(granted)
    paused = draw.choice([r for r in refused if r.campaign_id == call.campaign_id])
    body, key = call.body, call.key
    evidence.calls = [each for each in evidence.calls if each.key != key or each.verb != "redeem"]
    at = paused.asked_at
    evidence.calls.append(replace(call, asked_at=at, answered_at=paused.answered_at, body=body))
    return not any(each.verb == "rollback" and each.target == _row_of(evidence, call).id for each in evidence.calls)


@wrong("S9")
def a_false_sold_out(evidence: Evidence, draw: random.Random) -> bool:
    first = evidence.calls[0]
    at = first.asked_at - 1
    key = "too-early"
    call = replace(first, number=0, verb="redeem", key=key, asked_at=at, answered_at=at + 0.01, status=409,
                   body=b'{"code":"limit_reached"}', campaign_id="cmp_a", tenant=0)  # fmt: skip
    evidence.calls.append(call)
    return True


@wrong("S9")
def a_code_that_is_there_and_not_found(evidence: Evidence, draw: random.Random) -> bool:
    call = draw.choice(_acknowledged(evidence))
    body = b'{"code":"voucher_not_found"}'
    evidence.calls.append(
        replace(call, asked_at=call.asked_at - 0.01, status=404, body=body, answered_at=call.asked_at)
    )
    return True


@wrong("S6")
def anothers_answer(evidence: Evidence, draw: random.Random) -> bool:
    one = [call for call in _acknowledged(evidence) if call.tenant == 0]
    other = [call for call in _acknowledged(evidence) if call.tenant == 1]
    if not one or not other:
        return False
    _put(evidence, draw.choice(one), body=draw.choice(other).body)
    return True


@wrong("S6")
def a_row_of_another_tenant(evidence: Evidence, draw: random.Random) -> bool:
    row = draw.choice(evidence.facts.rows)
    other = {"cmp_a": "cmp_b", "cmp_b": "cmp_a"}[str(row.campaign_id)]
    _facts(evidence, rows=[replace(each, campaign_id=other) if each == row else each for each in evidence.facts.rows])
    return True


@wrong("S6")
def a_look_into_anothers_rows(evidence: Evidence, draw: random.Random) -> bool:
    probes = [call for call in evidence.calls if call.verb == "foreign"]
    if not probes:
        return False
    _put(evidence, draw.choice(probes), status=200)
    return True


@wrong("S7")
def an_altered_row(evidence: Evidence, draw: random.Random) -> bool:
    return _change_row(evidence, draw, order_value_minor=draw.randrange(1, 900))


@wrong("S7")
def a_row_for_another_customer(evidence: Evidence, draw: random.Random) -> bool:
    return _change_row(evidence, draw, customer_id="nobody")


@wrong("S7")
def a_row_that_nobody_asked_for(evidence: Evidence, draw: random.Random) -> bool:
    row = draw.choice(evidence.facts.rows)
    _facts(evidence, rows=[*evidence.facts.rows, replace(row, id="rdm_NEW", key="never-sent")])
    return True


@wrong("S4")
def a_key_with_two_ids(evidence: Evidence, draw: random.Random) -> bool:
    call = draw.choice(_acknowledged(evidence))
    row = _row_of(evidence, call)
    body = call.body.replace(row.id.encode(), b"rdm_ANOTHER")
    evidence.calls.append(replace(call, body=body, asked_at=call.answered_at, replayed=True))
    return True


@wrong("S4")
def a_key_with_two_bodies(evidence: Evidence, draw: random.Random) -> bool:
    call = draw.choice(_acknowledged(evidence))
    body = call.body.replace(b'"redeemed"', b'"rolled_back"')
    evidence.calls.append(replace(call, body=body, asked_at=call.answered_at, replayed=True))
    return True


def _bad_counter(evidence: Evidence, draw: random.Random, **fields: int) -> None:
    ledger = list(evidence.facts.ledger)
    at = draw.randrange(len(ledger))
    ledger[at] = replace(ledger[at], **fields)
    _facts(evidence, ledger=ledger)


@wrong("S1")
def a_counter_that_is_not_its_rows(evidence: Evidence, draw: random.Random) -> bool:
    _bad_counter(evidence, draw, granted=draw.randrange(500, 600))
    return True


@wrong("S1")
def an_admission_that_the_ledger_refused(evidence: Evidence, draw: random.Random) -> bool:
    granted = _acknowledged(evidence)
    if not granted:
        return False
    _put(evidence, draw.choice(granted), status=409, body=b'{"code":"ledger_refused"}')
    return True


@wrong("S1")
def a_counter_over_its_ceiling(evidence: Evidence, draw: random.Random) -> bool:
    _bad_counter(evidence, draw, granted=9, rows_granted=9, returned=0, rows_returned=0, ceiling=8)
    return True


def _bad_redis(evidence: Evidence, draw: random.Random, change: Callable[[RedisCounter], RedisCounter]) -> None:
    redis = list(evidence.facts.redis)
    at = draw.randrange(2)  # those of campaigns with a limit
    redis[at] = change(redis[at])
    _facts(evidence, redis=redis)


@wrong("S2")
def more_exposed_than_the_window(evidence: Evidence, draw: random.Random) -> bool:
    _bad_redis(evidence, draw, lambda c: replace(c, granted=c.confirmed + evidence.setting.window + 1))
    return True


@wrong("S2")
def more_confirmed_than_granted(evidence: Evidence, draw: random.Random) -> bool:
    _bad_redis(evidence, draw, lambda c: replace(c, confirmed=c.granted + 1))
    return True


@wrong("S2")
def more_used_in_redis_than_any_limit(evidence: Evidence, draw: random.Random) -> bool:
    _bad_redis(evidence, draw, lambda c: replace(c, granted=c.returned + 50, confirmed=c.returned + 50))
    return True


@wrong("S2")
def a_confirm_taken_twice(evidence: Evidence, draw: random.Random) -> bool:
    evidence.setting = replace(evidence.setting, surprises=("a confirm was taken twice",))
    return True


@wrong("L3")
def exposure_left(evidence: Evidence, draw: random.Random) -> bool:
    _bad_redis(evidence, draw, lambda c: replace(c, confirmed=c.granted - 1))
    return True


@wrong("L3")
def redis_and_postgresql_differ(evidence: Evidence, draw: random.Random) -> bool:
    _bad_redis(evidence, draw, lambda c: replace(c, returned=c.returned + 1))
    return True


@wrong("L3")
def a_stream_left(evidence: Evidence, draw: random.Random) -> bool:
    _facts(evidence, shards=[replace(end, stream_length=1) for end in evidence.facts.shards])
    return True


@wrong("L3")
def units_withheld(evidence: Evidence, draw: random.Random) -> bool:
    _facts(evidence, epochs=[Epoch(0, 2, "open", 1, released=False), *evidence.facts.epochs[1:]])
    return True


@wrong("L2")
def an_outcome_that_stays_unknown(evidence: Evidence, draw: random.Random) -> bool:
    call = draw.choice(_acknowledged(evidence))
    evidence.calls.append(replace(call, key="asked-once", asked_at=1e6, answered_at=1e6 + 1, status=503, body=b""))
    return True


@wrong("L2")
def a_change_that_stays_unknown(evidence: Evidence, draw: random.Random) -> bool:
    evidence.changes.append(Change("cmp_a", 1e6, 1e6 + 1, 500, limit=1000))
    return True


@wrong("L2")
def an_acknowledgement_taken_back(evidence: Evidence, draw: random.Random) -> bool:
    call = draw.choice(_acknowledged(evidence))
    body = b'{"code":"campaign_paused"}'
    evidence.calls.append(replace(call, asked_at=1e6, answered_at=1e6 + 1, status=409, body=body))
    return True


@wrong("L4")
def a_unit_never_sold(evidence: Evidence, draw: random.Random) -> bool:
    """Refused to the end, with less than the limit in the ledger."""
    evidence.offers[0] = replace(evidence.offers[0], limit=17)
    evidence.changes = [change for change in evidence.changes if change.campaign_id != "cmp_a" or change.limit is None]
    sold = sum(row.campaign_id == "cmp_a" and not row.rolled_back for row in evidence.facts.rows)
    last = evidence.calls[-1]
    return sold < 17 and any(call.campaign_id == "cmp_a" and call.code == "limit_reached" for call in
                             evidence.calls[-10:]) and last.asked_at > evidence.setting.healed_at  # fmt: skip


@wrong("L5")
def a_redemption_billed_twice(evidence: Evidence, draw: random.Random) -> bool:
    usage = [replace(each, redemptions=each.redemptions + 1) for each in evidence.facts.usage]
    _facts(evidence, usage=usage)
    return True


@wrong("S10")
def more_rows_than_any_limit(evidence: Evidence, draw: random.Random) -> bool:
    row = draw.choice(evidence.facts.rows)
    more = [replace(row, rolled_back=False, id=f"rdm_{n}", key=f"more-{n}") for n in range(40)]
    _facts(evidence, rows=[*evidence.facts.rows, *more])
    return True


@wrong("L1")
def losses_that_nobody_reports(evidence: Evidence, draw: random.Random) -> bool:
    """The disk and both workers are gone, so the row may be; but the system must say so."""
    found = _standing(evidence, draw)
    if found is None:
        return False
    late = [Loss(1e5, "disk", "valkey"), Loss(1e5, "engine", "engine-1"), Loss(1e5, "engine", "engine-2")]
    evidence.losses += late
    _facts(evidence, rows=[row for row in evidence.facts.rows if row != found[1]])
    return True


for _invariant, _functions in (*WRONG_SETS.items(), *WRONG_CARDS.items()):
    WRONGS.update({_function.__name__: (_invariant, _function) for _function in _functions})
