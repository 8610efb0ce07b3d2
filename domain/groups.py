"""Groups by rule: which segments a customer is in, and which collections a product is in, for what is stored of them.

A rule reads what the shop has said of its member, and never what another rule has made of it: so no order of the rules
matters, and none can run in circles. Must never read a clock: who is in a group changes with the member or the rule.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from .conditions import Facts, compile_rule, item_test
from .orders import Customer, Metadata, Order

Rule = tuple[str, str]
"""The id of a group and its rule: the canonical form, as JSON."""

_NO_ORDER = Order(0)


class Member(msgspec.Struct, frozen=True):
    """A customer or a product as rules see it: `stated` are the groups that the shop has put it into."""

    id: str
    stated: tuple[str, ...] = ()
    metadata: Metadata = {}
    categories: tuple[str, ...] = ()
    price_minor: int | None = None


class _Thing(msgspec.Struct, frozen=True):
    """A product, by the names that conditions on an item know."""

    product_id: str
    categories: tuple[str, ...]
    collections: tuple[str, ...]
    metadata: Metadata
    price_minor: int | None


def segments_of(rules: Sequence[Rule], customer: Member) -> tuple[str, ...]:
    """The segments whose rules the customer meets, in the order of the rules."""
    if not rules:
        return ()
    facts = Facts(_NO_ORDER, 0, Customer(customer.id, 1, customer.stated, customer.metadata))
    return tuple(group for group, rule in rules if _of_customers(rule)(facts))


def collections_of(rules: Sequence[Rule], product: Member) -> tuple[str, ...]:
    """The collections whose rules the product meets, in the order of the rules."""
    if not rules:
        return ()
    thing = _Thing(product.id, product.categories, product.stated, product.metadata, product.price_minor)
    return tuple(group for group, rule in rules if _of_products(rule)(thing))


@lru_cache(maxsize=2048)
def _of_customers(rule: str) -> Callable[[Facts], bool]:
    compiled = compile_rule(json.loads(rule))
    return lambda facts: compiled.judge(facts).holds


@lru_cache(maxsize=2048)
def _of_products(rule: str) -> Callable[[Any], bool]:
    return item_test(json.loads(rule), set())
