"""What would help: one short sentence for a condition that is not met, or None where there is none to give.

A remedy is for the shop's own people (secret keys). It must stay true wherever the judgement holds, so it says from
when something is valid and never how long that is.
"""

from collections.abc import Callable, Sequence
from typing import Any

from domain.money import to_major

from .fields import DAYS, Field, Kind
from .operators import predicate
from .shapes import Facts

Remedy = Callable[[Facts, Any], str | None]
"""Given the facts and the field's value."""

_MOST_NAMED = 5
_CUSTOMER = "name the customer"


def remedy(field: Field, operator: str, value: Any, zone: str) -> Remedy:
    """What helps where an operator and its canonical value refuse."""
    if field.name.startswith("customer."):
        return _of_customer(field, operator, value)
    if field.name in ("order.amount", "order.discounted_amount"):
        return _between_bounds(operator, value, _money)
    if field.name in ("order.items_count", "order.lines_count"):
        of = "line" if field.name == "order.lines_count" else "item"
        return _between_bounds(operator, value, lambda number, _facts: f"{number} {of}{'' if number == 1 else 's'}")
    if field.kind is Kind.METADATA and operator == "exists":
        return _always(f"{'state' if value else 'leave out'} {field.name}")
    if field.kind in _OF_TIMES:
        return _OF_TIMES[field.kind](operator, value, zone)
    return _none


def of_count(operator: str, value: Any, where: dict[str, Any]) -> Remedy:
    """What helps where the items that pass `where` are too few or too many."""
    what = describe(where)
    return _between_bounds(operator, value, lambda number, _facts: f"{number} {what}", more=True)


def of_quantifier(name: str, where: dict[str, Any]) -> str | None:
    """What helps where a condition on the items is not met."""
    what = describe(where)
    if what == _UNNAMED:
        return None
    return {"any": f"add 1 {what}", "none": f"remove what is {what}", "every": f"remove what is not {what}"}.get(name)


def of_refused_count(period: str, zone: str) -> str | None:
    """What helps where a count has reached its limit."""
    again = {"day": "from 00:00", "week": "from mon 00:00", "month": "from the 1st of the month 00:00"}.get(period)
    return again and f"valid again {again} {zone}"


def of_missing_customer() -> str:
    """What helps where a customer is counted and there is none."""
    return _CUSTOMER


_UNNAMED = "that meet the condition"


def describe(where: dict[str, Any]) -> str:
    """A condition on an item in words, where it is a plain one."""
    ((name, operators),) = where.items()
    if name not in ("product", "sku", "category", "collection") or len(operators) != 1:
        return _UNNAMED
    ((operator, value),) = operators.items()
    values = {"eq": [value], "in": value}.get(operator, [])
    return f"of {name} {' or '.join(values)}" if 0 < len(values) <= _MOST_NAMED else _UNNAMED


def _none(_facts: Facts, _given: Any) -> None:
    return None


def _always(text: str | None) -> Remedy:
    return lambda _facts, _given: text


def _money(amount_minor: int, facts: Facts) -> str:
    return f"{to_major(amount_minor, facts.decimals)} {facts.currency}"


def _of_customer(field: Field, operator: str, value: Any) -> Remedy:
    known = None
    if field.kind is Kind.NAMES and operator in ("eq", "in"):
        names: Sequence[str] = [value] if operator == "eq" else value
        known = f"for customers of segment {' or '.join(names)}" if len(names) <= _MOST_NAMED else None
    absent = operator == "exists" and value is False
    return lambda facts, _given: _CUSTOMER if facts.customer is None and not absent else known


def _between_bounds(operator: str, value: Any, show: Callable[[int, Facts], str], more: bool = False) -> Remedy:
    """Add what is missing to the lower bound, remove what is over the upper one."""
    low, high = _bounds(operator, value)

    def say(facts: Facts, given: Any) -> str | None:
        if low is not None and given < low:
            added = show(low - given, facts)
            return f"add {added.replace(' ', ' more ', 1) if more else added}"
        if high is not None and given > high >= 0:
            return f"remove {show(given - high, facts)}"
        return None

    return say


def _bounds(operator: str, value: Any) -> tuple[int | None, int | None]:
    if operator == "between":
        return value[0], value[1]
    if operator not in ("eq", "gt", "gte", "lt", "lte"):
        return None, None
    low = {"eq": value, "gt": value + 1, "gte": value}.get(operator)
    return low, {"eq": value, "lt": value - 1, "lte": value}.get(operator)


def _of_weekday(operator: str, value: Any, zone: str) -> Remedy:
    meets = predicate(Kind.WEEKDAY, operator, value)
    days = [day for day in DAYS if meets(day)]
    return _always(f"valid on {', '.join(days)} {zone}" if days else None)


def _of_hour(operator: str, value: Any, zone: str) -> Remedy:
    meets = predicate(Kind.HOUR, operator, value)

    def say(_facts: Facts, given: Any) -> str | None:
        hours = [hour % 24 for hour in range(given + 1, given + 24) if meets(hour % 24)]
        return f"valid from {hours[0]:02}:00 {zone}" if hours else None

    return say


def _of_time(operator: str, value: Any, zone: str) -> Remedy:
    start = value[0] if operator == "between" else {"gte": value, "lt": "00:00"}[operator]
    return _always(f"valid from {start} {zone}")


def _of_date(operator: str, value: Any, zone: str) -> Remedy:
    def say(_facts: Facts, given: Any) -> str | None:
        if operator == "gt":
            return f"valid after {value} {zone}"
        first = _first_date(operator, value, given)
        return first and f"valid {'on' if operator in ('eq', 'in') else 'from'} {first} {zone}"

    return say


def _first_date(operator: str, value: Any, today: str) -> str | None:
    days: dict[str, list[str]] = {"gte": [value], "between": value[:1], "eq": [value], "in": value}
    return min([day for day in days.get(operator, []) if day > today], default=None)


_OF_TIMES: dict[Kind, Callable[[str, Any, str], Remedy]] = {
    Kind.WEEKDAY: _of_weekday,
    Kind.HOUR: _of_hour,
    Kind.TIME: _of_time,
    Kind.DATE: _of_date,
}
