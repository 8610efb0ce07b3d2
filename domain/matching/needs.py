"""What a redeemable needs of a cart: that of its rules, its segments, its times and the items that it is for.

Must never read a count or a stored customer: a need depends on definitions alone.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.conditions.operands import as_key
from domain.definitions import Campaign, Discount, Redeemable, Selection
from domain.scoping import NOTHING

from .atoms import TIME, Clause, Range, Token
from .conditions import clauses_of, reads_what_is_left

SOMEBODY = Token("somebody", True)
"""Carried where the request names a customer."""


class Need(msgspec.Struct, frozen=True):
    """Clauses of which all have to be met. `changes_in_a_stack`: alone it may be refused, and beside others not."""

    clauses: tuple[Clause, ...]
    changes_in_a_stack: bool = False


def need_of(redeemable: Redeemable, campaign: Campaign | None, rules: Sequence[dict[str, Any]]) -> Need | None:
    """What it needs; None where it applies to nothing. `rules` are those of both in their canonical form. What takes
    nothing off an order is of no use to it, whatever the project says of such redeemables."""
    if redeemable.disabled or redeemable.barred or (campaign is not None and campaign.paused):
        return None
    found: list[Clause] = []
    for each in (redeemable, campaign):
        if each is None:
            continue
        if each.per_customer_limit is not None:
            found.append(frozenset([SOMEBODY]))
        if each.starts_ms is not None or each.expires_ms is not None:
            found.append(frozenset(_times(each.starts_ms, each.expires_ms)))
    if campaign is not None and campaign.eligible_segments:
        found.append(frozenset(Token("customer.segment", one) for one in campaign.eligible_segments))
    for rule in rules:
        found += clauses_of(rule)
    discount = redeemable.discount or (campaign.discount if campaign is not None else None)
    if discount is not None:
        found += _of_discount(discount)
    left = any(reads_what_is_left(rule) for rule in rules)
    return Need(tuple(dict.fromkeys(found)), left)


def _times(starts_ms: int | None, expires_ms: int | None) -> list[Range]:
    if expires_ms is None:
        return [Range(TIME, starts_ms or 0)]
    return [Range(TIME, starts_ms or 0, expires_ms - 1)] if expires_ms > (starts_ms or 0) else []


def _of_discount(discount: Discount) -> list[Clause]:
    """Where it is on some items only, or on shipping, there has to be such a thing."""
    scope = discount.scope
    if discount.added is not None:
        return [frozenset([Range("order.lines_count", 1)])]
    if scope is None:
        return []
    if scope.target == "shipping":
        return [frozenset([Range("order.shipping", 1)])]
    found: list[Clause] = []
    if scope.include != NOTHING:
        found.append(frozenset(_named(scope.include)))
    if scope.target != "order" or scope.include != NOTHING or scope.exclude != NOTHING:
        found.append(frozenset([Range("order.lines_count", 1)]))
    return found


def _named(selection: Selection) -> list[Token]:
    kinds = {"category": selection.categories, "collection": selection.collections}
    texts = {"product": selection.products, "sku": selection.skus}
    return [
        *(Token(f"item.{kind}", name) for kind, names in kinds.items() for name in names),
        *(Token(f"item.{kind}", as_key(name)) for kind, names in texts.items() for name in names),
    ]
