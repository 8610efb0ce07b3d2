"""Promotions to be found among: so many tiers of a project, five of which apply to the cart that asks.

Written straight into PostgreSQL, as the control plane would have written them one by one: what is measured is asking.
Must never let a sixth apply.
"""

import json
from typing import Any

import asyncpg

from .queries import query
from .site import Site

MATCHING = 5
ORDER: dict[str, Any] = {
    "items": [{"sku": f"SKU-{number}", "quantity": 1 + number % 2, "price": 19.99} for number in range(MATCHING)]
}
"""An order of 139.93: the amounts that others ask for begin above it."""

_RULES = 100


async def fill(site: Site, project_id: str, tiers: int) -> None:
    """Make the tiers. Those that do not apply are in equal parts on other things, for larger orders, and of another
    segment, each part by a hundred validation rules or by its own selection."""
    connection = await asyncpg.connect(site.owner_url)
    try:
        for number in range(_RULES):
            larger = {"order.amount": {"gte": 20_000 + number * 500}}
            other = {"customer.segment": {"in": [f"segment-{number}"]}}
            for kind, rule in (("l", larger), ("s", other)):
                await connection.execute(query("add_rule"), project_id, _rule_id(kind, number), json.dumps(rule))
        rows = [(f"tier_{number:026d}", json.dumps(_rules(number))) for number in range(tiers)]
        await connection.execute(query("add_tiers"), project_id, [each for each, _ in rows], [each for _, each in rows])
    finally:
        await connection.close()


def _rule_id(kind: str, number: int) -> str:
    return f"rul_{kind}{number:025d}"


def _rules(number: int) -> dict[str, Any]:
    """A percentage of its own for each, in ppm: on a thing of the order, or on nothing in it."""
    off = {"discount_type": "PERCENT", "discount_value": 10_000 + number % 200 * 1_000}
    kind = number % 3
    if number < MATCHING or kind == 0:
        return off | {"applies_to": {"target": "items", "include": {"skus": [f"SKU-{number}"]}}}
    return off | {"validation_rules": [_rule_id("l" if kind == 1 else "s", number % _RULES)]}
