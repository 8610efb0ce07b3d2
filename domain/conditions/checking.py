"""Whether something is a rule: every fault by its pointer, or the canonical form.

Must never raise for what a caller wrote, nor follow it deeper or further than a rule may go.
"""

from typing import Any

from .calendars import is_zone
from .fields import (
    DEEPEST,
    JOINS,
    MOST_NODES,
    OF_CUSTOMERS,
    OF_PRODUCTS,
    OPERATORS,
    QUANTIFIERS,
    Field,
    Kind,
    find_field,
)
from .operands import OperandFault, read_operand
from .shapes import Fault, escape

_MOST_FAULTS = 100


def check(rule: object, decimals: int) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The canonical form of a rule, or what is wrong with it. `decimals` are those of the project's currency."""
    return _checked(_Reader(decimals), rule, counts=True, of_item=False)


def check_membership(rule: object, decimals: int, of_products: bool) -> tuple[dict[str, Any] | None, list[Fault]]:
    """The same of a rule that says who is in a group: of products, then it is a condition on an item as such, or of
    customers. It asks of nothing but what is stored of them."""
    reader = _Reader(decimals, OF_PRODUCTS if of_products else OF_CUSTOMERS)
    return _checked(reader, rule, counts=False, of_item=of_products)


def _checked(
    reader: "_Reader", rule: object, *, counts: bool, of_item: bool
) -> tuple[dict[str, Any] | None, list[Fault]]:
    canonical = reader.node(rule, "", 1, counts=counts, of_item=of_item)
    return (None, reader.faults) if reader.faults else (canonical, [])


class _Reader:
    """Reads one rule. What it returns is of no use once a fault was noted."""

    def __init__(self, decimals: int, only: tuple[str, ...] = ()) -> None:
        self.faults: list[Fault] = []
        self._decimals = decimals
        self._only = only
        self._nodes = 0
        self._counted: set[str] = set()

    def _fault(self, pointer: str, detail: str) -> dict[str, Any]:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(pointer, detail))
        return {}

    def node(self, node: object, at: str, depth: int, counts: bool, of_item: bool) -> dict[str, Any]:
        """`counts`: whether only `all` stands above it, so that the commit may judge what counts."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            return self._fault("", f"has more than {MOST_NODES} conditions") if self._nodes == MOST_NODES + 1 else {}
        if depth > DEEPEST:
            return self._fault(at, f"is nested more than {DEEPEST} deep")
        if not isinstance(node, dict) or len(node) != 1:
            return self._fault(at, 'must be an object with one member: "all", "any", "not" or a field')
        ((name, value),) = node.items()
        if name == "not":
            return {name: self.node(value, f"{at}/not", depth + 1, counts=False, of_item=of_item)}
        if name in JOINS:
            return self._join(name, value, f"{at}/{name}", depth, counts and name == "all", of_item)
        field = find_field(name, of_item) if isinstance(name, str) else None
        at = f"{at}/{escape(str(name))}"
        if field is not None and self._only and not _is_among(field.name, self._only):
            return self._fault(at, f"is no field of a group's rule, which asks of {', '.join(self._only)}")
        if field is None:
            return self._fault(at, f"is no field of {'an item' if of_item else 'the rule language'}")
        if not isinstance(value, dict) or not value:
            return self._fault(at, "must be an object of operators and values")
        if field.kind is Kind.ITEMS:
            return {name: self._items(value, at, depth)}
        return {name: self._leaf(field, value, at, counts)}

    def _join(self, name: str, value: object, at: str, depth: int, counts: bool, of_item: bool) -> dict[str, Any]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_NODES:
            return self._fault(at, f"must be a list of 1 to {MOST_NODES} conditions")
        return {name: [self.node(child, f"{at}/{i}", depth + 1, counts, of_item) for i, child in enumerate(value)]}

    def _leaf(self, field: Field, operators: dict[Any, Any], at: str, counts: bool) -> dict[str, Any]:
        if field.is_counted:
            self._may_count(field, operators, at, counts)
        canonical = {
            name: self._zone(field, value, f"{at}/tz") if name == "tz" else self._operand(field, name, value, at)
            for name, value in operators.items()
        }
        if canonical.keys() == {"tz"}:
            self._fault(at, "must be an object of operators and values")
        return canonical

    def _may_count(self, field: Field, operators: dict[Any, Any], at: str, counts: bool) -> None:
        if not counts:
            self._fault(at, 'is counted when the redemption is committed: it may stand at the top or under "all" only')
        if field.name in self._counted:
            self._fault(at, "is asked twice: one rule has one counter of it")
        if len(operators.keys() - {"tz"}) > 1:
            self._fault(at, "takes one operator: lt or lte")
        self._counted.add(field.name)

    def _zone(self, field: Field, value: object, at: str) -> Any:
        if not field.has_zone:
            return self._fault(at, "belongs to conditions on the time, and on counts of a day, week or month")
        if not is_zone(value):
            return self._fault(at, "is not an IANA time zone")
        return value

    def _operand(self, field: Field, name: object, value: object, at: str) -> Any:
        known = OPERATORS[field.kind]
        at = f"{at}/{escape(str(name))}"
        if not isinstance(name, str) or name not in known:
            return self._fault(at, f"is no operator of {field.kind.value}, which takes {', '.join(known)}")
        try:
            return read_operand(field.kind, name, value, self._decimals)
        except OperandFault as fault:
            return self._fault(at + fault.step, str(fault))

    def _items(self, quantifiers: dict[Any, Any], at: str, depth: int) -> dict[str, Any]:
        canonical: dict[str, Any] = {}
        for name, value in quantifiers.items():
            place = f"{at}/{escape(str(name))}"
            if name in QUANTIFIERS:
                canonical[name] = self.node(value, place, depth + 1, counts=False, of_item=True)
            elif name == "count":
                canonical[name] = self._count(value, place, depth)
            else:
                self._fault(place, f"is none of {', '.join(QUANTIFIERS)}, count")
        return canonical

    def _count(self, count: object, at: str, depth: int) -> dict[str, Any]:
        if not isinstance(count, dict) or "where" not in count or len(count) < 2:
            return self._fault(at, 'must be an object with "where", a condition on an item, and an operator like gte')
        units = Field("count", Kind.NUMBER)
        return {
            name: self.node(value, f"{at}/where", depth + 1, counts=False, of_item=True)
            if name == "where"
            else self._operand(units, name, value, at)
            for name, value in count.items()
        }


def _is_among(name: str, only: tuple[str, ...]) -> bool:
    return any(name == one or (one.endswith(".") and name.startswith(one)) for one in only)
