"""The catalogue of the rule language: every field, its kind, and the operators that the kind takes.

Owns the limits on a rule's size as well. Must never hold a meaning: operators.py says what an operator does.
"""

from enum import Enum

import msgspec

DEEPEST = 6
MOST_NODES = 64
MOST_VALUES = 100
LONGEST_TEXT = 200

JOINS = ("all", "any")
QUANTIFIERS = ("any", "every", "none", "cheapest", "most_expensive")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Kind(Enum):
    """What a field's values are."""

    TEXT = "a text"
    NAMES = "a set of names"
    AMOUNT = "an amount"
    NUMBER = "a whole number"
    METADATA = "a text, a number, a truth value, or a list of them"
    FLAG = "a truth value"
    LIMIT = "a count of redemptions"
    WEEKDAY = "a day of the week"
    HOUR = "an hour"
    TIME = "a time of day"
    DATE = "a date"
    ITEMS = "the items of an order"


_EQUAL = ("eq", "ne", "in", "not_in")
_ORDERED = ("gt", "gte", "lt", "lte", "between")
OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: (*_EQUAL, "exists", "contains", "starts_with"),
    Kind.NAMES: (*_EQUAL, "exists"),
    Kind.AMOUNT: (*_EQUAL, *_ORDERED),
    Kind.NUMBER: (*_EQUAL, *_ORDERED),
    Kind.METADATA: (*_EQUAL, *_ORDERED, "exists", "contains", "starts_with"),
    Kind.FLAG: ("eq",),
    Kind.LIMIT: ("lt", "lte"),
    Kind.WEEKDAY: _EQUAL,
    Kind.HOUR: (*_EQUAL, *_ORDERED),
    Kind.TIME: ("gte", "lt", "between"),
    Kind.DATE: (*_EQUAL, *_ORDERED),
}
"""In the order in which conditions of one leaf are judged: a store may give its members back in any order."""

TIMES = (Kind.WEEKDAY, Kind.HOUR, Kind.TIME, Kind.DATE)


class Field(msgspec.Struct, frozen=True):
    """A field of the facts or, within `order.items`, of an item. `key` is that of metadata."""

    name: str
    kind: Kind
    key: str = ""

    @property
    def is_of_order(self) -> bool:
        """Whether an order alone decides it."""
        return self.name.startswith("order.")

    @property
    def is_counted(self) -> bool:
        """Whether the commit has to judge it."""
        return self.kind in (Kind.LIMIT, Kind.FLAG)

    @property
    def has_zone(self) -> bool:
        """Whether a time zone may stand beside its operators."""
        return self.kind in TIMES or (self.kind is Kind.LIMIT and not self.name.endswith(".total"))


def _fields(kinds: dict[str, Kind]) -> dict[str, Field]:
    return {name: Field(name, kind) for name, kind in kinds.items()}


_OF_FACTS = _fields(
    {
        "customer.id": Kind.TEXT,
        "customer.segment": Kind.NAMES,
        "customer.first_order": Kind.FLAG,
        "order.amount": Kind.AMOUNT,
        "order.discounted_amount": Kind.AMOUNT,
        "order.shipping": Kind.AMOUNT,
        "order.items_count": Kind.NUMBER,
        "order.lines_count": Kind.NUMBER,
        "order.items": Kind.ITEMS,
        **{f"redemptions.customer.{period}": Kind.LIMIT for period in ("day", "week", "month", "total")},
        **{f"redemptions.api_key.{period}": Kind.LIMIT for period in ("day", "week", "month")},
        **{f"redemptions.total.{period}": Kind.LIMIT for period in ("day", "week", "month", "total")},
        "time.weekday": Kind.WEEKDAY,
        "time.hour": Kind.HOUR,
        "time.time": Kind.TIME,
        "time.date": Kind.DATE,
    }
)
_OF_ITEMS = _fields(
    {
        "product": Kind.TEXT,
        "sku": Kind.TEXT,
        "category": Kind.NAMES,
        "collection": Kind.NAMES,
        "price": Kind.AMOUNT,
        "quantity": Kind.NUMBER,
        "amount": Kind.AMOUNT,
    }
)
OF_CUSTOMERS = ("customer.id", "customer.segment", "customer.metadata.")
OF_PRODUCTS = ("product", "category", "collection", "price", "metadata.")
"""What a rule on a customer or a product alone may ask of: fields, and beginnings of fields of metadata."""
_METADATA = ("customer.metadata.", "order.metadata.", "metadata.")


def find_field(name: str, of_item: bool) -> Field | None:
    """The field of this name, or None: of an item, or of the facts."""
    known = (_OF_ITEMS if of_item else _OF_FACTS).get(name)
    if known is not None:
        return known
    for prefix in ("metadata.",) if of_item else _METADATA:
        if name.startswith(prefix) and len(prefix) < len(name) <= len(prefix) + LONGEST_TEXT:
            return Field(name, Kind.METADATA, name[len(prefix) :])
    return None


def the_field(name: str, of_item: bool) -> Field:
    """The field of a rule that has been checked."""
    known = find_field(name, of_item)
    if known is None:
        raise ValueError(f"{name} is no field")
    return known
