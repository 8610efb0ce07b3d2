"""Money: exact in, exact out, rounded once."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definitions import Discount
from domain.discounts import discount_minor
from domain.money import (
    MAX_MINOR,
    PPM,
    MoneyError,
    currency_decimals,
    percent_to_ppm,
    ppm_to_percent,
    share,
    to_major,
    to_minor,
)

amounts = st.integers(0, MAX_MINOR)


@given(amounts, st.sampled_from([0, 2, 3]))
def test_an_amount_comes_back_as_it_went(minor: int, decimals: int) -> None:
    assert to_minor(to_major(minor, decimals), decimals) == minor


@pytest.mark.parametrize(
    ("text", "decimals"),
    [
        ("0.001", 2),
        ("-1", 2),
        ("1e400", 2),
        ("NaN", 2),
        ("Infinity", 2),
        ("0.5", 0),
        ("1e-999999", 2),
        ("1e13", 2),
        ("0." + "9" * 40, 2),
        ("5.00" + "0" * 40 + "1", 2),
    ],
)
def test_what_is_no_amount_is_refused(text: str, decimals: int) -> None:
    with pytest.raises(MoneyError):
        to_minor(Decimal(text), decimals)


def test_trailing_zeros_and_exponents_are_amounts() -> None:
    assert to_minor(Decimal("8.9900"), 2) == 899
    assert to_minor(Decimal("1e2"), 2) == 10_000
    assert to_minor(Decimal("1." + "0" * 60_000), 2) == 100
    assert to_minor(Decimal("0e-500"), 2) == 0
    assert str(to_major(1800, 2)) == "18.00"
    assert str(to_major(5, 0)) == "5"


def test_currencies_have_their_decimals() -> None:
    assert [currency_decimals(c) for c in ("EUR", "JPY", "KWD")] == [2, 0, 3]


def test_twenty_percent_of_89_99_is_18_00() -> None:
    assert share(8999, percent_to_ppm(Decimal(20))) == 1800


@given(amounts, st.integers(0, PPM))
def test_a_share_is_rounded_half_up_once(amount: int, ppm: int) -> None:
    exact = Decimal(amount) * ppm / PPM
    assert share(amount, ppm) == int(exact.to_integral_value(rounding=ROUND_HALF_UP))


@given(st.integers(0, PPM))
def test_a_percentage_comes_back_as_it_went(ppm: int) -> None:
    assert percent_to_ppm(ppm_to_percent(ppm)) == ppm


@pytest.mark.parametrize("text", ["100.0001", "-1", "0.00001", "NaN"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(MoneyError):
        percent_to_ppm(Decimal(text))


discounts = st.one_of(
    st.builds(Discount, st.just("PERCENT"), st.integers(0, PPM), st.none() | amounts),
    st.builds(Discount, st.sampled_from(["AMOUNT", "FIXED"]), amounts, st.none() | amounts),
)


@given(discounts, amounts)
def test_a_discount_stays_between_nothing_and_the_order(discount: Discount, order: int) -> None:
    off = discount_minor(discount, order)
    assert 0 <= off <= order
    assert discount.max_minor is None or off <= discount.max_minor


def test_fixed_is_the_price_that_is_left() -> None:
    assert discount_minor(Discount("FIXED", 500), 2000) == 1500
    assert discount_minor(Discount("FIXED", 500), 300) == 0
    assert discount_minor(Discount("AMOUNT", 500), 300) == 300
