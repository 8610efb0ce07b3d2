"""The judge is judged: right histories pass, and each way of being wrong is named by its invariant."""

import random
from copy import copy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.chaos.checker import INVARIANTS, check, lost
from tests.chaos.history import Call, Change, Epoch, Evidence, Loss, Offer, RedisCounter, dump, load
from tests.chaos.limits import Definition
from tests.chaos.simulated import SimulatedShop
from tests.chaos.wrongs import WRONGS

STEPS = 150


def of_seed(seed: int) -> Evidence:
    return SimulatedShop(seed).run(STEPS)


def invariants(evidence: Evidence) -> set[str]:
    return {found.invariant for found in check(evidence)}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_right_history_passes(seed: int) -> None:
    assert check(of_seed(seed)) == []


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(WRONGS)))
def test_a_wrong_history_is_named(seed: int, name: str) -> None:
    invariant, make_wrong = WRONGS[name]
    evidence = of_seed(seed)
    if make_wrong(evidence, random.Random(seed)):
        assert invariant in invariants(evidence), name


@pytest.mark.parametrize("name", WRONGS)
def test_each_wrong_is_found_in_some_history(name: str) -> None:
    invariant, make_wrong = WRONGS[name]
    applied = 0
    for seed in range(40):
        evidence = of_seed(seed)
        if make_wrong(evidence, random.Random(seed)):
            applied += 1
            assert invariant in invariants(evidence), seed
            if applied == 3:
                return
    pytest.fail(f"only {applied} of 40 histories have what {name} needs")


def test_every_invariant_has_a_wrong() -> None:
    assert {invariant for invariant, _ in WRONGS.values()} == set(INVARIANTS)


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    evidence = of_seed(1)
    dump(evidence, tmp_path / "history.jsonl")
    assert load(tmp_path / "history.jsonl") == evidence


def with_a_row_gone(*losses: Loss, tenant: int = 0, engine: int = 0) -> Evidence:
    """One acknowledgement of a known worker whose row is nowhere, in stores that agree on that."""
    shop = SimulatedShop(7)
    evidence = shop.run(STEPS)
    rolled_back = {call.target for call in evidence.calls if call.verb == "rollback"}
    key = next(key for key, row in shop.rows.items() if key[0] == tenant and row.id not in rolled_back)
    del shop.rows[key]
    evidence.facts = shop.facts()
    evidence.calls = [
        replace(call, engine=engine) if (call.tenant, call.key) == key else call for call in evidence.calls
    ]
    evidence.losses = list(losses)
    return evidence


DISK, ENGINE = Loss(1e4, "disk", "valkey"), Loss(1e4, "engine", "engine-1")


def reported(evidence: Evidence) -> Evidence:
    epochs = [Epoch(t.shard, 2, "open", 1, released=True, unaccounted=False) for t in evidence.tenants]
    evidence.facts = replace(evidence.facts, epochs=epochs)
    evidence.setting = replace(evidence.setting, released_at=(1e4,))
    return evidence


def test_durable_may_be_lost_with_the_disk_and_the_worker_if_that_is_reported() -> None:
    evidence = reported(with_a_row_gone(DISK, ENGINE))
    assert "L1" not in invariants(evidence)
    assert lost(evidence) == 1


@pytest.mark.parametrize(
    "losses",
    [
        (),
        (DISK,),
        (ENGINE,),
        (DISK, Loss(1e4, "engine", "engine-2")),
        (Loss(1.0, "disk", "valkey"), ENGINE),
        (DISK, Loss(1e4 + 60, "engine", "engine-1")),
    ],
    ids=["nothing", "disk", "engine", "the-other-engine", "disk-before", "engine-after-it-handed-in"],
)
def test_durable_survives_less_than_that(losses: tuple[Loss, ...]) -> None:
    assert "L1" in invariants(reported(with_a_row_gone(*losses)))


def test_committed_survives_everything() -> None:
    assert "L1" in invariants(reported(with_a_row_gone(DISK, ENGINE, tenant=1)))


def test_fast_may_lose_what_redis_took_two_seconds_before_it_died() -> None:
    evidence = reported(with_a_row_gone(ENGINE))
    assert "L1" in invariants(evidence)
    evidence.setting = replace(evidence.setting, durability="fast")
    gone = next(order for order in _acknowledged(evidence) if order.key not in _keys(evidence))
    for late_s, allowed in ((1.5, True), (2.5, False)):
        died_at = gone.answered_at + late_s
        evidence.losses = [Loss(died_at, "engine", "engine-1"), Loss(died_at, "crash", "valkey")]
        assert ("L1" not in invariants(evidence)) is allowed


def _acknowledged(evidence: Evidence) -> list[Call]:
    return [call for call in evidence.calls if call.verb == "redeem" and call.status == 200 and call.tenant == 0]


def _keys(evidence: Evidence) -> set[str | None]:
    return {row.key for row in evidence.facts.rows if row.project_id == "prj_a"}


def test_what_only_the_world_has_put_in_is_not_held_against_redis() -> None:
    evidence = of_seed(2)
    injected = RedisCounter(0, "r:cmp_apart", 0, 0, 2)
    evidence.facts = replace(evidence.facts, redis=[*evidence.facts.redis, injected])
    assert invariants(evidence) == {"S2", "L3"}
    evidence.setting = replace(evidence.setting, apart=("cmp_apart",))
    assert invariants(evidence) == set()


def test_a_change_of_unknown_outcome_may_be_in_force_or_not() -> None:
    changes = [
        Change("c", 10, 11, 200, limit=20),
        Change("c", 20, 25, 0, limit=5),
        Change("c", 30, 31, 200, limit=8),
    ]
    definition = Definition(Offer(0, "c", 10), changes)
    spans = [(1, 2), (10.5, 10.6), (12, 13), (21, 22), (30.5, 30.6), (40, 41)]
    seen = [(definition.least(*span), definition.greatest(*span)) for span in spans]
    assert seen == [(10, 10), (10, 20), (20, 20), (5, 20), (5, 20), (8, 8)]
    assert definition.greatest_until(50) == 20


def test_what_may_have_been_rolled_back_does_not_count_against_the_limit() -> None:
    """A rollback whose answer was lost gives a unit back or not; neither may be held against the shop."""
    evidence = of_seed(3)
    call = _acknowledged(evidence)[0]
    asked = replace(call, verb="rollback", target=_id(call), key="", asked_at=call.answered_at + 0.001, status=0)
    right = copy(evidence)
    right.calls = [*evidence.calls, asked]
    assert "S3" not in invariants(right)


def _id(call: Call) -> str:
    return call.body.partition(b'"id":"')[2].partition(b'"')[0].decode()
