"""Prices for people: major units on the wire, minor units in their rows."""

from decimal import Decimal

from control_plane.problems import Errors
from domain.money import MoneyError, to_major, to_minor


def read_price(given: Decimal | None, decimals: int, errors: Errors) -> int | None:
    """The price of a body's /price; what is wrong with it is noted."""
    try:
        return None if given is None else to_minor(given, decimals)
    except MoneyError as error:
        errors.add("/price", str(error))
        return None


def show_price(minor: int | None, decimals: int) -> Decimal | None:
    """The price as it is shown."""
    return None if minor is None else to_major(minor, decimals)
