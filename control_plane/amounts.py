"""Amounts of money in bodies: major units on the wire, minor units within. Must never round."""

from decimal import Decimal

from msgspec import UnsetType

from control_plane.problems import Errors
from domain.money import to_minor


def read_amount(given: Decimal | UnsetType | None, pointer: str, decimals: int, errors: Errors) -> int | None:
    """The amount, which is more than nothing; None where it is left out, or noted as a fault."""
    if not isinstance(given, Decimal):
        return None
    try:
        minor = to_minor(given, decimals)
    except ValueError as error:
        errors.add(pointer, str(error))
        return None
    if minor == 0:
        errors.add(pointer, "the amount must be greater than 0")
        return None
    return minor
