"""Rules of the rule language, read for what must be carried for them to hold.

Each reading gives clauses of which all have to be met; where a condition does not say anything of that kind (it
excludes, or searches in a text), it gives none. Must never give a clause that facts can do without: that would lose
what holds.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.conditions.fields import DAYS, OPERATORS, TIMES, Field, Kind, the_field
from domain.conditions.operands import operand_key
from domain.conditions.operators import predicate

from .atoms import HOUR_MS, TIME, Atom, Clause, Range, Token

Clauses = tuple[Clause, ...]

_UNLIKE = {"eq": "ne", "in": "not_in", "gt": "lte", "gte": "lt"}
_OPPOSITE = _UNLIKE | {other: one for one, other in _UNLIKE.items()}
_LEFT = "order.discounted_amount"
_PASSING = ("any", "every", "cheapest", "most_expensive")
"""Quantifiers that some item has to pass."""

_NO_ZONE = timedelta(hours=48)
"""A date is somewhere on earth no further from the same date in UTC."""


def clauses_of(rule: dict[str, Any], met: bool = True, of_item: bool = False) -> Clauses:
    """The clauses of a rule in its canonical form, or of its contrary."""
    ((name, value),) = rule.items()
    if name == "not":
        return clauses_of(value, not met, of_item)
    if name in ("all", "any"):
        children = [clauses_of(child, met, of_item) for child in value]
        return _all(children) if (name == "all") is met else _any(children)
    field = the_field(name, of_item)
    if field.is_counted:
        return ()
    if field.kind is Kind.ITEMS:
        each = [_items(quantifier, value[quantifier], met) for quantifier in value]
        return _all(each) if met else _any(each)
    each = [
        _leaf(field, operator, value[operator], value.get("tz", "UTC"), met, of_item)
        for operator in OPERATORS[field.kind]
        if operator in value
    ]
    return _all(each) if met else _any(each)


def reads_what_is_left(rule: dict[str, Any]) -> bool:
    """Whether other discounts on the order may make it hold, or fail."""
    ((name, value),) = rule.items()
    if name in ("all", "any"):
        return any(reads_what_is_left(child) for child in value)
    return reads_what_is_left(value) if name == "not" else name == _LEFT


def _all(children: Iterable[Clauses]) -> Clauses:
    return tuple(dict.fromkeys(clause for clauses in children for clause in clauses))


def _any(children: list[Clauses]) -> Clauses:
    """One clause: whichever of them holds, it has something of its own carried. A child of which nothing is known
    may hold whatever is carried."""
    if not all(children):
        return ()
    return (frozenset().union(*(min(clauses, key=len) for clauses in children)),)


def _items(name: str, value: dict[str, Any], met: bool) -> Clauses:
    """Some item passes: then it carries what passing asks for. Nothing is known where none, or not all, may pass."""
    if name == "count":
        wanted = {operator: operand for operator, operand in value.items() if operator != "where"}
        passes_with_none = all(predicate(Kind.NUMBER, operator, operand)(0) for operator, operand in wanted.items())
        return clauses_of(value["where"], of_item=True) if met is not passes_with_none else ()
    if name == "none":
        return () if met else clauses_of(value, of_item=True)
    return clauses_of(value, of_item=True) if met and name in _PASSING else ()


def _leaf(field: Field, operator: str, operand: Any, zone: str, met: bool, of_item: bool) -> Clauses:
    if field.kind in TIMES:
        return _of_time(field.kind, operator, operand, zone, met)
    if not met:
        if operator not in _OPPOSITE:
            return ()
        operator = _OPPOSITE[operator]
    if field.kind in (Kind.AMOUNT, Kind.NUMBER):
        return () if of_item else _of_number(field.name, operator, operand)
    if operator not in ("eq", "in"):
        return ()
    kind = f"item.{field.name}" if of_item else field.name
    operands = [operand] if operator == "eq" else operand
    if field.kind is Kind.NAMES:
        return (frozenset(Token(kind, one) for one in operands),)
    return (frozenset(Token(kind, operand_key(one)) for one in operands),)


def _of_number(name: str, operator: str, operand: Any) -> Clauses:
    if operator in ("ne", "not_in"):
        return ()
    if name == _LEFT:
        # No more is left than the order's amount; of how little is left nothing is known before the others are.
        name = "order.amount"
        least = {"gt": operand, "gte": operand, "eq": operand}.get(operator)
        if operator in ("between", "in"):
            least = min(operand)
        return () if least is None else (frozenset([Range(name, least)]),)
    ranges: dict[str, Callable[[], list[Atom]]] = {
        "eq": lambda: [Range(name, operand, operand)],
        "in": lambda: [Range(name, one, one) for one in operand],
        "gt": lambda: [Range(name, operand + 1)],
        "gte": lambda: [Range(name, operand)],
        "lt": lambda: [Range(name, 0, operand - 1)] if operand > 0 else [],
        "lte": lambda: [Range(name, 0, operand)],
        "between": lambda: [Range(name, operand[0], operand[1])],
    }
    return (frozenset(ranges[operator]()),)


def _of_time(kind: Kind, operator: str, operand: Any, zone: str, met: bool) -> Clauses:
    meets = predicate(kind, operator, operand)
    if kind is Kind.DATE:
        return _of_date(operator, operand, zone, met)
    if kind is Kind.WEEKDAY:
        return (frozenset(Token(f"weekday {zone}", day) for day in DAYS if meets(day) is met),)
    hours = [
        hour
        for hour in range(24)
        if any(meets(shown) is met for shown in ([hour] if kind is Kind.HOUR else _minutes(hour)))
    ]
    return () if len(hours) == 24 else (frozenset(Token(f"hour {zone}", hour) for hour in hours),)


def _minutes(hour: int) -> range:
    """The minutes of an hour, in ms since midnight: a time of day is written to the minute."""
    return range(hour * HOUR_MS, (hour + 1) * HOUR_MS, 60_000)


def _of_date(operator: str, operand: Any, zone: str, met: bool) -> Clauses:
    if not met:
        if operator not in _OPPOSITE:
            return ()
        operator = _OPPOSITE[operator]
    if operator in ("ne", "not_in"):
        return ()
    if operator in ("eq", "in"):
        days = [operand] if operator == "eq" else operand
        return (frozenset(Token(f"date {zone}", day) for day in days),)
    first = operand[0] if operator == "between" else operand if operator in ("gt", "gte") else None
    last = operand[1] if operator == "between" else operand if operator in ("lt", "lte") else None
    since = 0 if first is None else max(0, _utc_ms(first, -_NO_ZONE))
    if last is None:
        return (frozenset([Range(TIME, since)]),)
    return (frozenset([Range(TIME, since, max(0, _utc_ms(last, _NO_ZONE + timedelta(days=1))))]),)


def _utc_ms(day: str, beside: timedelta) -> int:
    """The start of a date in UTC, and so much beside it."""
    start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)
    return int(((start - datetime(1970, 1, 1, tzinfo=UTC)) + beside).total_seconds() * 1000)
