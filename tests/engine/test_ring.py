"""The ring: what is answered stays in it until it is confirmed, and never leaves it otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Position
from domain.problems import Refused
from engine.ring import Budget, Ring, Rings
from store.rings import Answer


def answer(entry: int, index: int = 0, size: int = 100) -> Answer:
    return Answer(Position(entry, 0), index, 1, b"x" * size)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.integers(1, 20), st.integers(0, 2)),
            st.tuples(st.just("confirm"), st.integers(0, 20), st.just(0)),
        ),
        max_size=60,
    )
)
def test_g2_a_ring_holds_exactly_what_was_answered_and_is_not_confirmed(steps: list[tuple[str, int, int]]) -> None:
    budget = Budget()
    ring = Ring(0, 1, budget)
    expected: set[tuple[int, int]] = set()
    confirmed = 0
    for verb, entry, index in steps:
        if verb == "add":
            ring.add(answer(entry, index))
            if entry > confirmed:
                expected.add((entry, index))
        else:
            ring.confirm(Position(entry, 0))
            confirmed = max(confirmed, entry)
            expected = {each for each in expected if each[0] > confirmed}
        assert len(ring) == len(expected)
    held = [(each.position.entry_ms, each.index) for each in ring.seal()]
    assert len(held) == len(set(held))
    assert set(held) == expected
    ring.clear()
    assert budget.used_bytes == 0


def test_g2_a_full_ring_refuses_and_overwrites_nothing() -> None:
    rings = Rings(Budget(most_bytes=1000))
    first, second = rings.of(0, 1), rings.of(1, 1)
    first.expect_room()
    for entry in range(1, 4):
        first.add(answer(entry, size=100))
    with pytest.raises(Refused) as refused:
        second.expect_room()
    assert refused.value.code == "ledger_lagging"
    assert refused.value.retry_after_s is not None
    rings.confirm(0, 1, Position(1, 0))
    second.expect_room()
    assert len(first) == 2


def test_g2_nothing_is_answered_after_the_ring_was_handed_in() -> None:
    ring = Ring(0, 1, Budget())
    ring.add(answer(1))
    assert [each.position for each in ring.seal()] == [Position(1, 0)]
    with pytest.raises(Refused) as refused:
        ring.add(answer(2))
    assert refused.value.code == "outcome_pending"
    assert len(ring) == 1


def test_a_storm_of_replays_takes_one_place() -> None:
    ring = Ring(0, 1, Budget())
    for _ in range(100):
        ring.add(answer(5, 1))
        ring.add(answer(4, 0))
    assert len(ring) == 2
