"""Splitting an amount: nothing is lost, nobody is above a cap, and position decides only the documented tie."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.allocation import split
from domain.money import MAX_MINOR

amounts = st.integers(0, 30) | st.integers(0, MAX_MINOR)
weights = st.lists(st.integers(0, 9) | st.integers(0, MAX_MINOR), min_size=1, max_size=8)
capped = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), min_size=1, max_size=8)


@given(amounts, weights)
def test_the_parts_are_the_amount(amount: int, of: list[int]) -> None:
    assume(sum(of))
    shares = split(amount, of)
    assert sum(shares) == amount
    for weight, share in zip(of, shares, strict=True):
        assert abs(share - Fraction(amount * weight, sum(of))) < 1


@given(st.integers(0, 120), capped)
def test_no_part_is_above_its_cap_and_nothing_is_lost_while_there_is_room(
    amount: int, parts: list[tuple[int, int]]
) -> None:
    of, caps = [weight for weight, _ in parts], [cap for _, cap in parts]
    shares = split(amount, of, caps)
    room = sum(cap for weight, cap in parts if weight)
    assert sum(shares) == min(amount, room)
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))
    assert all(weight or not share for weight, share in zip(of, shares, strict=True))


@given(st.integers(0, 120), capped)
def test_what_does_not_fit_goes_to_the_others_in_proportion(amount: int, parts: list[tuple[int, int]]) -> None:
    shares = split(amount, [weight for weight, _ in parts], [cap for _, cap in parts])
    below = [(weight, share) for (weight, cap), share in zip(parts, shares, strict=True) if weight and share < cap]
    whole, given_out = sum(weight for weight, _ in below), sum(share for _, share in below)
    # A part that came to its cap by the odd unit is among the others, so one unit more is within reason.
    for weight, share in below:
        assert abs(share - Fraction(given_out * weight, whole)) < 2


@given(st.integers(0, 120), capped, st.randoms(use_true_random=False))
def test_position_decides_only_between_equal_weights(amount: int, parts: list[tuple[int, int]], random: object) -> None:
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    one, two = (
        sorted(zip((w for w, _ in some), split(amount, [w for w, _ in some], [c for _, c in some]), strict=True))
        for some in (parts, shuffled)
    )
    assert one == two


def test_the_tie_goes_to_who_stands_first() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(2, [1, 1, 1]) == [1, 1, 0]
    assert split(2, [1, 3]) == split(2, [3, 1])[::-1] == [0, 2]


def test_nothing_over_nothing_is_nothing() -> None:
    assert split(0, []) == []
    assert split(5, [0, 0]) == [0, 0]
    assert split(5, [1, 1], [1, 2]) == [1, 2]
