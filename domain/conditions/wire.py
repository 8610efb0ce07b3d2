"""The canonical form of a rule as it was written: amounts in major units again.

Must never judge: it is given what check has accepted.
"""

from typing import Any

from .fields import JOINS, Field, Kind, the_field
from .operands import show_operand


def to_wire(rule: dict[str, Any], decimals: int, of_item: bool = False) -> dict[str, Any]:
    """The rule as its author wrote it, amounts as Decimals with the currency's decimals. `of_item`: it is a condition
    on an item as such."""
    return _node(rule, decimals, of_item)


def _node(node: dict[str, Any], decimals: int, of_item: bool) -> dict[str, Any]:
    ((name, value),) = node.items()
    if name in JOINS:
        return {name: [_node(child, decimals, of_item) for child in value]}
    if name == "not":
        return {name: _node(value, decimals, of_item)}
    field = the_field(name, of_item)
    return {name: _items(value, decimals) if field.kind is Kind.ITEMS else _leaf(field, value, decimals)}


def _leaf(field: Field, operators: dict[str, Any], decimals: int) -> dict[str, Any]:
    return {
        operator: value if operator == "tz" else show_operand(field.kind, operator, value, decimals)
        for operator, value in operators.items()
    }


def _items(quantifiers: dict[str, Any], decimals: int) -> dict[str, Any]:
    return {
        name: _count(value, decimals) if name == "count" else _node(value, decimals, of_item=True)
        for name, value in quantifiers.items()
    }


def _count(count: dict[str, Any], decimals: int) -> dict[str, Any]:
    return {name: _node(value, decimals, of_item=True) if name == "where" else value for name, value in count.items()}
