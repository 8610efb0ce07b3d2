"""What an event earns a customer: on each card, by its program's rules, at the factor of its tier.

Must never earn twice: whoever calls has made sure that the event is new.
"""

from typing import Any

import msgspec

from control_plane.calls import Call
from control_plane.clock import now_ms
from control_plane.events.reading import Reported
from control_plane.events.schemas import EarnedView, RulePointsView
from control_plane.loyalty_cards.posting import Cause, add_points, stage_card
from control_plane.rules.times import show_ms
from domain.conditions import Facts
from domain.loyalty import Happened, earned, lot_of, loyalty_program
from domain.orders import Customer, Item, Order, Product, Sku, product_name
from domain.rules import Rules
from domain.stacking import enrich
from store.database import Transaction
from store.definitions import customer_from, product_from, sku_from
from store.queries import query

_CARDS = query("control_cards_that_earn")
_CUSTOMERS = query("customer_rows")
_PRODUCTS = query("product_rows")
_SKUS = query("sku_rows")


async def earn(tx: Transaction, call: Call, event: Reported, source: str) -> list[EarnedView]:
    """Post what the event earns; a view of each card that has earned something, staged already."""
    tenant = call.tenant
    cards = await tx.fetch(_CARDS, tenant.project_id, event.customer_id)
    if not cards:
        return []
    happened = await _happened(tx, call, event)
    views = [await _earn_on(tx, call, card, happened, source) for card in cards]
    return [view for view in views if view is not None]


async def _earn_on(tx: Transaction, call: Call, card: Any, happened: Happened, source: str) -> EarnedView | None:
    program, rules, at_ms = loyalty_program(card["program"]), msgspec.convert(card["rules"], Rules), now_ms()
    if not (rules.starts_ms or 0) <= at_ms < (rules.expires_ms or at_ms + 1):
        return None
    given = earned(program, happened, card["earned_total"])
    if not given:
        return None
    tenant, landing = call.tenant, lot_of(program, at_ms)
    paid = version = 0
    for one in given:
        cause = Cause(source, one.rule_id)
        added = await add_points(tx, tenant.project_id, card["id"], landing, one.points, cause)
        paid, version = paid + added.paid, added.version
    await stage_card(tx, tenant.shard, tenant.project_id, card["id"], version)
    return EarnedView(
        card=card["code"],
        card_id=card["id"],
        program_id=card["program_id"],
        points=sum(one.points for one in given),
        paid_owed_points=paid,
        available_at=show_ms(landing.from_ms or None),
        expires_at=show_ms(landing.expires_ms or None),
        rules=[RulePointsView(one.rule_id, one.points) for one in given],
    )


async def _happened(tx: Transaction, call: Call, event: Reported) -> Happened:
    """The event with what is stored of its customer and its products."""
    tenant, order = call.tenant, event.order or Order(0)
    rows = await tx.fetch(_CUSTOMERS, tenant.project_id, [event.customer_id])
    customer = customer_from(rows[0]) if rows else Customer(event.customer_id or "")
    skus = await _skus(tx, tenant.project_id, order.items)
    order = enrich(order, await _products(tx, tenant.project_id, order.items, skus), skus)
    total_minor = event.total_minor or 0
    facts = Facts(
        order=order,
        discounted_minor=min(order.amount_minor, max(0, total_minor - order.shipping_minor)),
        customer=customer,
        metadata=event.metadata,
        api_key_id=call.actor,
        now_ms=event.occurred_ms,
        currency=tenant.currency,
        decimals=tenant.decimals,
    )
    return Happened(event.type, facts, total_minor)


async def _skus(tx: Transaction, project_id: str, items: tuple[Item, ...]) -> dict[str, Sku]:
    ids = list({item.sku for item in items if item.sku is not None})
    return {row["id"]: sku_from(row) for row in await tx.fetch(_SKUS, project_id, ids)} if ids else {}


async def _products(
    tx: Transaction, project_id: str, items: tuple[Item, ...], skus: dict[str, Sku]
) -> dict[str, Product]:
    ids = list({product_name(item, skus.get(item.sku or "")) or "" for item in items})
    if not ids:
        return {}
    return {row["id"]: product_from(row) for row in await tx.fetch(_PRODUCTS, project_id, ids)}
