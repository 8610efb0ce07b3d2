"""What stands behind an operator: from what was written to the canonical form, and back.

The canonical form is JSON of texts, truth values and integers alone: amounts in minor units, other numbers that are
not whole as {"decimal": "2.5"}. Must never round: what does not fit is refused.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from domain.money import to_major, to_minor

from .fields import DAYS, LONGEST_TEXT, MOST_VALUES, Kind

MOST_COUNTED = 10**9
_MOST_NUMBER = 10**12
_MOST_DIGITS = 15
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class OperandFault(ValueError):
    """What was written is no value of the field; `step` leads from the operator to it."""

    def __init__(self, detail: str, step: str = "") -> None:
        super().__init__(detail)
        self.step = step


def read_operand(kind: Kind, operator: str, given: object, decimals: int) -> Any:
    """The canonical form of an operator's value; OperandFault if it is none."""
    if operator == "exists":
        return _flag(given)
    if operator in ("in", "not_in"):
        return _read_list(kind, given, decimals)
    if operator == "between":
        return _read_range(kind, given, decimals)
    if operator == "starts_with":
        return _text(given)
    value = _read_one(kind, given, decimals)
    if operator in ("gt", "gte", "lt", "lte") and isinstance(value, bool):
        raise OperandFault("must be a number or a text")
    if kind is Kind.LIMIT and value < (2 if operator == "lt" else 1):
        raise OperandFault("leaves no redemption: the least is 1 for lte, 2 for lt")
    if kind is Kind.TIME and value == "24:00" and operator == "gte":
        raise OperandFault("is the end of the day: nothing is later")
    return value


def show_operand(kind: Kind, operator: str, value: Any, decimals: int) -> Any:
    """What was written, of the canonical form."""
    if operator in ("in", "not_in", "between"):
        return [_show_one(kind, one, decimals) for one in value]
    return value if operator == "exists" else _show_one(kind, value, decimals)


def as_number(value: object) -> int | Decimal | None:
    """A number as it was written, exact; None for what is none. Attributes may come from a store that knows floats:
    their shortest spelling is what somebody wrote."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, int) or (isinstance(value, Decimal) and value.is_finite()):
        return value
    return None


def _read_list(kind: Kind, given: object, decimals: int) -> list[Any]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_VALUES:
        raise OperandFault(f"must be a list of 1 to {MOST_VALUES} values")
    return [_read_step(kind, one, decimals, number) for number, one in enumerate(given)]


def _read_range(kind: Kind, given: object, decimals: int) -> list[Any]:
    if not isinstance(given, list) or len(given) != 2:
        raise OperandFault("must be a list of two values: from, to")
    first, last = (_read_step(kind, one, decimals, number) for number, one in enumerate(given))
    if kind is Kind.TIME:
        if first in (last, "24:00"):
            raise OperandFault("is an empty range of time")
    elif kind is Kind.METADATA:
        low, high = operand_key(first), operand_key(last)
        if low[0] != high[0] or isinstance(first, bool):
            raise OperandFault("must be two numbers or two texts")
        if low[1] > high[1]:
            raise OperandFault("ends before it begins")
    elif kind is not Kind.HOUR and first > last:
        raise OperandFault("ends before it begins")
    return [first, last]


def _read_step(kind: Kind, given: object, decimals: int, number: int) -> Any:
    try:
        return _read_one(kind, given, decimals)
    except ValueError as error:
        raise OperandFault(str(error), f"/{number}") from error


def _read_one(kind: Kind, given: object, decimals: int) -> Any:
    if kind is Kind.AMOUNT:
        return _amount(given, decimals)
    return _READERS[kind](given)


def _amount(given: object, decimals: int) -> int:
    number = as_number(given)
    if number is None:
        raise OperandFault("must be an amount: a number")
    try:
        return to_minor(Decimal(number), decimals)
    except ValueError as error:
        raise OperandFault(str(error)) from error


def _text(given: object) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= LONGEST_TEXT or "\x00" in given:
        raise OperandFault(f"must be a text of 1 to {LONGEST_TEXT} characters")
    return given


def _flag(given: object) -> bool:
    if not isinstance(given, bool):
        raise OperandFault("must be true or false")
    return given


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(given: object) -> int:
        number = as_number(given)
        if number is None or not least <= number <= most or number != int(number):
            raise OperandFault(f"must be a whole number from {least} to {most}")
        return int(number)

    return read


def _attribute(given: object) -> Any:
    if isinstance(given, str):
        return _text(given)
    if isinstance(given, bool):
        return given
    number = as_number(given)
    if number is None:
        raise OperandFault("must be a text, a number or a truth value")
    exact = Decimal(number)
    if abs(exact.adjusted()) >= _MOST_DIGITS or len(exact.as_tuple().digits) > _MOST_DIGITS:
        raise OperandFault(f"has more than {_MOST_DIGITS} digits")
    return int(exact) if exact == exact.to_integral_value() else {"decimal": format(exact.normalize(), "f")}


def _weekday(given: object) -> str:
    if given not in DAYS or not isinstance(given, str):
        raise OperandFault(f"must be one of {', '.join(DAYS)}")
    return given


def _time(given: object) -> str:
    if not isinstance(given, str) or not _TIME.fullmatch(given):
        raise OperandFault('must be a time of day like "18:00"')
    return given


def _date(given: object) -> str:
    if not isinstance(given, str) or not _DATE.fullmatch(given):
        raise OperandFault('must be a date like "2026-12-24"')
    try:
        date.fromisoformat(given)
    except ValueError as error:
        raise OperandFault("is no date of the calendar") from error
    return given


_READERS: dict[Kind, Callable[[object], Any]] = {
    Kind.TEXT: _text,
    Kind.NAMES: _text,
    Kind.NUMBER: _whole(0, _MOST_NUMBER),
    Kind.METADATA: _attribute,
    Kind.FLAG: _flag,
    Kind.LIMIT: _whole(0, MOST_COUNTED),
    Kind.WEEKDAY: _weekday,
    Kind.HOUR: _whole(0, 23),
    Kind.TIME: _time,
    Kind.DATE: _date,
}


def _show_one(kind: Kind, value: Any, decimals: int) -> Any:
    if kind is Kind.AMOUNT:
        return to_major(value, decimals)
    return Decimal(value["decimal"]) if isinstance(value, dict) else value


Key = tuple[str, Any]


def as_key(given: object) -> Key:
    """Something that is equal exactly where two attributes are: 1 is 1.0, and neither is true or "1". What cannot be
    compared, a list or nothing, has the kind ''."""
    if isinstance(given, str):
        return "text", given
    if isinstance(given, bool):
        return "flag", given
    number = as_number(given)
    return ("", None) if number is None else ("number", number)


def operand_key(canonical: Any) -> Key:
    """The same of an operator's value."""
    return as_key(Decimal(canonical["decimal"]) if isinstance(canonical, dict) else canonical)
