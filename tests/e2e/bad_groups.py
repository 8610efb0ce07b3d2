"""What no route of customers, groups, things, orders, giving, metadata schemas, lifecycles, bulk work and people takes:
for each, what spoils a body that it does take."""

from typing import Any

from .bad_terms import (
    DEEP,
    IDS,
    LONG,
    METADATA,
    NUL,
    OPTIONAL_AMOUNTS,
    TIMES,
    UNKNOWN,
    Faults,
    each,
    within,
)
from .provoking import NOWHERE

NAMES: tuple[Any, ...] = ("", LONG, NUL, 5, True, [], {})
FLAGS: tuple[Any, ...] = ("yes", 1, 0, None, [])
PRICES = tuple(value for value in OPTIONAL_AMOUNTS if value != 0)
LABELS: tuple[Any, ...] = ("vip", [5], [""], [NUL], ["x" * 129], [f"l{n}" for n in range(101)], {"a": 1})
FEW: tuple[Any, ...] = ("a", [""], [5], [NUL], [None], ["x" * 129], [f"i{n}" for n in range(101)], {})

_GROUPS: Faults = [*each("name", *NAMES), *METADATA, *UNKNOWN]
_RULES: tuple[Any, ...] = ("x", [], 5, {"order.amount": {"gte": 1}}, {"nothing": {"eq": 1}}, {"all": DEEP})
OF_GROUPS: Faults = [*_GROUPS, *each("rule", *_RULES), *each("id", None, *IDS)]
OF_GROUP_CHANGES: Faults = [*_GROUPS, *each("rule", *_RULES), ({"id": "other"}, "/id")]
OF_MEMBERS: Faults = [*each("add", *FEW), *each("remove", *FEW), *UNKNOWN]
OF_CUSTOMER_CHANGES: Faults = [
    *each("name", *NAMES),
    *each("email", "", "a", "a b@c", "@", "a@", "x" * 319 + "@c", NUL, 5, []),
    *each("segments", *LABELS),
    ({"rule_segments": ["vip"]}, "/rule_segments"),
    *METADATA,
    *UNKNOWN,
]
OF_PRODUCTS: Faults = [
    *each("name", *NAMES),
    *each("price", *PRICES),
    *each("categories", *LABELS),
    *each("collections", *LABELS),
    *METADATA,
    *UNKNOWN,
]
OF_SKUS: Faults = [
    *each("product_id", None, *IDS),
    *each("name", *NAMES),
    *each("price", *PRICES),
    *each("attributes", [], "x", 5, {"a": NUL}, {"a": "x" * 20_000}, {"a": DEEP}),
    *METADATA,
    *UNKNOWN,
]
OF_GIVING: Faults = [
    *each("campaign_id", "", "x" * 65, 5, None, [], {}),
    *each("once", *FLAGS),
    *METADATA,
    *UNKNOWN,
]
OF_PUBLICATIONS: Faults = [*OF_GIVING, *each("customer_id", None, *IDS)]
OF_DISTRIBUTIONS: Faults = [*OF_GIVING, *each("segment_id", None, *IDS), *each("name", *NAMES)]
_LINE = {"sku": "TEE", "price": 5, "quantity": 1}
OF_ORDERS: Faults = [
    *each("customer_id", *IDS),
    *each("status", "", "shipped", 5, None, []),
    *each("currency", "eur", "EURO", 5, None),
    *each("amount", -1, 0.001, 1e300, 10**11, "5", True, None, [], {}),
    *each("shipping", -1, 0.001, 10**11, "5", None),
    *each("total", -1, 0.001, 10**11, "5", None),
    *each("items", "x", {}, 5, None, [5], [_LINE] * 101, [{"price": 5}]),
    ({"items": [{**_LINE, "price": -1}]}, "/items/0/price"),
    ({"items": [{**_LINE, "sku": NUL}]}, "/items/0/sku"),
    ({"items": [{**_LINE, "quantity": 0}]}, "/items/0/quantity"),
    ({"items": [{**_LINE, "quantity": 10**40}]}, "/items/0/quantity"),
    ({"items": [{**_LINE, "colour": "red"}]}, "/items/0/colour"),
    ({"items": [_LINE], "amount": 6}, "/amount"),
    *METADATA,
    *UNKNOWN,
]
_PROPERTY: dict[str, Any] = {"type": "string"}
_PROPERTIES: Faults = [
    *each("type", "text", 5, []),
    *each("required", *FLAGS),
    *each("enum", [], "a", [5], [None], [NUL], ["x" * 501], [f"o{n}" for n in range(101)]),
    *each("max_length", 0, -1, 1.5, "5", 16_385, 10**40),
    ({"items": "string"}, "/items"),
    ({"type": "array", "items": "array"}, "/items"),
    ({"type": "number", "max_length": 5}, "/max_length"),
    *UNKNOWN,
]
OF_SCHEMAS: Faults = [
    *each("properties", [], "x", 5, {"a": 5}, {"a": []}, {NUL: _PROPERTY}, {"x" * 101: _PROPERTY}),
    ({"properties": {f"p{n}": _PROPERTY for n in range(101)}}, "/properties"),
    *[({"properties": {"a~b/c": {**_PROPERTY, **bad}}}, f"/properties/a~0b~1c{at}") for bad, at in _PROPERTIES],
    *each("allow_undefined", *FLAGS),
    *UNKNOWN,
]
OF_CAMPAIGNS: Faults = [
    *each("name", None, *NAMES),
    *each("card_amount", *OPTIONAL_AMOUNTS),
    *each("auto_issue", *FLAGS),
    *within("rules", {}, [*each("max_redemptions", 0, -1, 10**40), *each("expires_at", *TIMES), *UNKNOWN]),
    *METADATA,
    *UNKNOWN,
]
OF_NEW_CAMPAIGNS: Faults = [
    *OF_CAMPAIGNS,
    *each("type", "LOYALTY", "discount", 5, None),
    *each("status", "paused", "archived", 5, None),
]
OF_VERBS: Faults = [*UNKNOWN, ({"status": "active"}, "/status")]
OF_RULE_CHANGES: Faults = [*each("name", None, *NAMES), *each("rule", None, "x", [], 5), *METADATA, *UNKNOWN]
OF_EXPORTS: Faults = [
    *each("resource", "", "codes", 5, None, []),
    *each("format", "xml", 5, None),
    *each("filters", [], "x", 5, {"colour": "red"}),
    *UNKNOWN,
]
EMAILS: tuple[Any, ...] = ("", "a", "@", "a b@c", "a@b@c", "a\n@c.d", "é@c.d", "x" * 250 + "@c.d", NUL, 5, None)
PASSWORDS: tuple[Any, ...] = ("", "x" * 11, "x" * 201, 5, None, [])
OF_INVITATIONS: Faults = [
    *each("email", *EMAILS),
    *each("role", "", "king", 5, None),
    *each("project_ids", [], "x", [5], [""], ["x" * 65], [f"prj_{NOWHERE}"], ["prj_x"] * 101),
    *UNKNOWN,
]
OF_KEYS: Faults = [
    *each("type", "secret", 5, None),
    *each("name", *NAMES),
    *each("scopes", [], "x", [5], [""], ["everything"], ["x" * 65]),
    *UNKNOWN,
]
OF_PROJECTS: Faults = [*each("name", None, *NAMES), *UNKNOWN]
OF_SIGN_UPS: Faults = [
    *each("email", *EMAILS),
    *each("password", *PASSWORDS),
    *each("account", None, *NAMES),
    *each("project", *NAMES),
    *each("currency", "eur", "EURO", 5),
    *UNKNOWN,
]
OF_LOG_INS: Faults = [*each("email", *EMAILS), *each("password", "", "x" * 201, 5, None), *UNKNOWN]
OF_TOKENS: Faults = [*each("token", "", "x" * 101, 5, None, []), *UNKNOWN]


def of_bulk(name: str, good: dict[str, Any]) -> Faults:
    """A request of many records: what is wrong with one record alone is told of its row."""
    key, wrong = next(iter(good)), list[Any]([5, None, []])
    return [
        *each(name, [], "x", {}, 5, None, [5], [{}], [good] * 101),
        *[({name: [good, {**good, key: value}]}, f"/{name}/1") for value in wrong],
        *UNKNOWN,
    ]
