"""What the operators mean: each becomes a predicate on one value.

`ne` and `not_in` are what `eq` and `in` are not, so they are true of a value that is not there; every other operator
is false of it. Must never convert: a number is equal to a number only, a text to a text.
"""

from collections.abc import Callable
from typing import Any

from .calendars import HOUR_MS
from .fields import Kind
from .operands import as_key, operand_key

Predicate = Callable[[Any], bool]


def predicate(kind: Kind, operator: str, value: Any) -> Predicate:
    """The predicate of an operator and its canonical value."""
    if operator in ("ne", "not_in"):
        meets = predicate(kind, {"ne": "eq", "not_in": "in"}[operator], value)
        return lambda given: not meets(given)
    if operator == "eq":
        operator, value = "in", [value]
    if operator == "exists":
        return _exists(value)
    if kind is Kind.NAMES:
        return _shares(frozenset(value))
    if kind in (Kind.METADATA, Kind.TEXT):
        return _of_attribute(operator, value)
    if kind is Kind.TIME:
        value = [day_ms(one) for one in value] if operator == "between" else day_ms(value)
        return _within(value[0], value[1], is_open=True) if operator == "between" else _of_ordered(operator, value)
    if kind is Kind.HOUR and operator == "between":
        return _within(value[0], value[1], is_open=False)
    return _of_ordered(operator, value)


def day_ms(time: str) -> int:
    """Milliseconds since midnight of "18:00"."""
    return int(time[:2]) * HOUR_MS + int(time[3:]) * 60_000


def turns_ms(kind: Kind, operators: dict[str, Any]) -> list[int]:
    """The times of day at which conditions on the time may turn, besides midnight."""
    if kind is Kind.HOUR:
        tests = [predicate(kind, name, value) for name, value in operators.items() if name != "tz"]
        shown = [[meets(hour) for meets in tests] for hour in range(24)]
        return [hour * HOUR_MS for hour in range(1, 24) if shown[hour] != shown[hour - 1]]
    if kind is Kind.TIME:
        written = [value for name, value in operators.items() if name not in ("tz", "between")]
        return [day_ms(time) for time in written + operators.get("between", [])]
    return []


def _exists(wanted: bool) -> Predicate:
    """A field without a value is None, and so is a set of names that is empty."""
    return lambda given: (given is not None and given != ()) is wanted


def _shares(wanted: frozenset[str]) -> Predicate:
    return lambda given: not wanted.isdisjoint(given)


def _within(first: int, last: int, is_open: bool) -> Predicate:
    """A range of a day, which may span midnight; an open one ends before its end."""
    end = last if is_open else last + 1
    if first < end:
        return lambda given: first <= given < end
    return lambda given: given >= first or given < end


def _of_ordered(operator: str, value: Any) -> Predicate:
    if operator == "in":
        wanted = frozenset(value)
        return lambda given: given in wanted
    if operator == "gt":
        return lambda given: given is not None and bool(given > value)
    if operator == "gte":
        return lambda given: given is not None and bool(given >= value)
    if operator == "lt":
        return lambda given: given is not None and bool(given < value)
    if operator == "lte":
        return lambda given: given is not None and bool(given <= value)
    assert operator == "between", operator
    return lambda given: given is not None and bool(value[0] <= given <= value[1])


def _of_attribute(operator: str, value: Any) -> Predicate:
    if operator == "in":
        wanted = frozenset(operand_key(one) for one in value)
        return lambda given: as_key(given) in wanted
    if operator == "contains":
        return _contains(value)
    if operator == "starts_with":
        return lambda given: isinstance(given, str) and given.startswith(value)
    keys = [operand_key(one) for one in (value if operator == "between" else [value])]
    kind, bounds = keys[0][0], [comparable for _, comparable in keys]
    meets = _of_ordered(operator, bounds if operator == "between" else bounds[0])

    def compares(given: Any) -> bool:
        own, comparable = as_key(given)
        return own == kind and meets(comparable)

    return compares


def _contains(value: Any) -> Predicate:
    """A text contains a part of it, a list one of its values."""
    wanted = operand_key(value)

    def meets(given: Any) -> bool:
        if isinstance(given, str):
            return isinstance(value, str) and value in given
        return isinstance(given, list | tuple) and any(as_key(one) == wanted for one in given)

    return meets
