"""The plan: pure, within its time, and never so much that nothing could be sold."""

import random
from itertools import pairwise

import pytest

from tests.chaos.choosing import Kind, draw_fault
from tests.chaos.nemesis import FIRST_S, LOSSES_APART_S, SETTLES_S, Step, plan

KINDS = (Kind(), Kind(replica=True), Kind(clocks=("valkey",)), Kind(keeps=True))
SEEDS = range(60)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_has_one_plan(kind: Kind) -> None:
    assert [plan(seed, 1.0, kind) for seed in SEEDS] == [plan(seed, 1.0, kind) for seed in SEEDS]
    assert len({repr(plan(seed, 1.0, kind)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("minutes", [0.5, 1.0, 5.0])
def test_a_plan_keeps_its_time(kind: Kind, minutes: float) -> None:
    for seed in SEEDS:
        steps = plan(seed, minutes, kind)
        assert [step.at_s for step in steps] == sorted(step.at_s for step in steps)
        assert all(step.at_s >= FIRST_S and step.ends_s <= minutes * 60 for step in steps)
        assert minutes * 60 / 8 <= len(steps) <= minutes * 60 / 2.5


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_harmed_in_two_ways_at_once(kind: Kind) -> None:
    for seed in SEEDS:
        free_at: dict[str, float] = {}
        for step in plan(seed, 2.0, kind):
            for subject in step.fault.subjects:
                assert free_at.get(subject, 0.0) <= step.at_s + 0.01
                free_at[subject] = step.ends_s + SETTLES_S


@pytest.mark.parametrize("kind", KINDS)
def test_losses_of_redis_are_apart(kind: Kind) -> None:
    for seed in SEEDS:
        lossy = [step for step in plan(seed, 5.0, kind) if step.fault.loses_data]
        assert all(after.at_s - before.ends_s >= LOSSES_APART_S - 0.01 for before, after in _neighbours(lossy))


def test_every_kind_of_fault_comes_and_a_failover_only_where_there_is_a_replica() -> None:
    def names(kind: Kind) -> set[str]:
        draw = random.Random(1)
        return {draw_fault(draw, kind).name for _ in range(2000)}

    assert names(Kind(replica=True)) - names(Kind()) == {"stale failover"}
    assert names(Kind(keeps=True)) - names(Kind()) == {"older copy, connections kept"}
    assert len(names(Kind())) >= 12


def _neighbours(steps: list[Step]) -> list[tuple[Step, Step]]:
    return list(pairwise(steps))
