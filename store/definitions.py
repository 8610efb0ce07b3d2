"""Definitions in PostgreSQL and their way into Redis: the three steps of every change.

(a) the caller's transaction: new version, `stage_change`; (b) and (c) `project_change`, called by the request that
made the change and, for whatever it could not finish, by the projector. Must never put a count into Redis: limits
and definitions only, counts come by hydration.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import msgspec

from domain.cards import gift_card_definition, gift_card_limits, loyalty_card_definition, loyalty_card_limits
from domain.definitions import (
    ProjectSettings,
    Redeemable,
    ValidationRule,
    campaign_key,
    change_scope,
    customer_key,
    product_key,
    rule_key,
    settings_key,
    sku_key,
)
from domain.ledger import Definition
from domain.orders import Customer, Product, Sku
from domain.outcomes import Status
from domain.rules import (
    CampaignRow,
    Limit,
    VoucherRow,
    campaign_definition,
    campaign_limits,
    voucher_definition,
    voucher_limits,
)

from .cards import read_cards_by_code, read_gift_cards, read_loyalty_cards
from .database import Transaction
from .queries import query
from .scripts import Scripts

Object = Literal[
    "campaign",
    "voucher",
    "batch",
    "rule",
    "customer",
    "product",
    "sku",
    "settings",
    "promotion_tier",
    "gift_card",
    "loyalty_card",
    "referral_code",
]
OpenTransaction = Callable[[], AbstractAsyncContextManager[Transaction]]

_RAISE_CEILINGS = query("raise_ceilings")
_SETTLE_CEILINGS = query("settle_ceilings")
_ENQUEUE_CHANGE = query("enqueue_change")
_MARK_APPLIED = query("mark_changes_applied")
_STAGED = query("staged_version")
_NEWEST_OF_ALL = 2**53 - 1
_CAMPAIGN_ROW = query("campaign_row")
_VOUCHER_ROW = query("voucher_row")
_VOUCHER_ROWS = query("voucher_rows_by_code")
_TIER_ROWS = query("tier_rows")
_REFERRAL_CODE_ROW = query("referral_code_row")
_REFERRAL_CODE_ROWS = query("referral_code_rows")
_RULE_ROWS = query("rule_rows")
_CUSTOMER_ROWS = query("customer_rows")
_PRODUCT_ROWS = query("product_rows")
_SKU_ROWS = query("sku_rows")
_SETTINGS_ROWS = query("settings_rows")

_encode = msgspec.msgpack.Encoder().encode


def campaign_from(row: Any) -> CampaignRow:
    """A campaign's row as the domain reads it."""
    return msgspec.convert(dict(row), CampaignRow)


def voucher_from(row: Any) -> VoucherRow:
    """A voucher's row as the domain reads it."""
    return msgspec.convert(dict(row), VoucherRow)


def encode_campaign(row: CampaignRow) -> Definition:
    """A campaign's definition as Redis keeps it."""
    return Definition(campaign_key(row.id), row.version, _encode(campaign_definition(row)))


def encode_voucher(row: VoucherRow) -> Definition:
    """The definition of a voucher, a promotion tier or a referral code as Redis keeps it."""
    return encode_redeemable(voucher_definition(row))


def encode_redeemable(redeemable: Redeemable) -> Definition:
    """Whatever can be redeemed, as Redis keeps it: found by its code, or a tier by its id."""
    return Definition(redeemable.key, redeemable.version, _encode(redeemable))


def rule_from(row: Any) -> ValidationRule:
    """A validation rule's row as the domain reads it."""
    return ValidationRule(row["id"], row["project_id"], row["version"], row["rule"], row["counts_since"])


def customer_from(row: Any) -> Customer:
    """A customer's row as decisions read it: without a name or an address."""
    return Customer(row["id"], row["version"], tuple(dict.fromkeys(row["segments"])), _storable(row["metadata"]))


def product_from(row: Any) -> Product:
    """A product's row as decisions read it."""
    collections = tuple(dict.fromkeys(row["collections"]))
    return Product(row["id"], row["version"], tuple(row["categories"]), collections, _storable(row["metadata"]))


def sku_from(row: Any) -> Sku:
    """A SKU's row as decisions read it."""
    return Sku(row["id"], row["version"], row["product_id"], _storable(row["metadata"]))


def _storable(value: Any) -> Any:
    """Metadata as MessagePack takes it: PostgreSQL keeps whole numbers of forty digits, MessagePack of nineteen. No
    rule compares with one that long."""
    if isinstance(value, dict):
        return {name: _storable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def settings_from(row: Any) -> ProjectSettings:
    """A project's settings; what an older release has not written is as it is by default."""
    blank, stored = ProjectSettings(row["project_id"], row["version"]), row["settings"]
    names = ProjectSettings.__struct_fields__
    return msgspec.convert([stored.get(name, getattr(blank, name)) for name in names], ProjectSettings)


def settings_row(settings: ProjectSettings) -> dict[str, Any]:
    """Settings as their jsonb column holds them."""
    names = ProjectSettings.__struct_fields__
    return {name: getattr(settings, name) for name in names if name not in ("project_id", "version")}


def encode_rule(rule: ValidationRule) -> Definition:
    """A validation rule as Redis keeps it."""
    return Definition(rule_key(rule.id), rule.version, _encode(rule))


def encode_customer(project_id: str, customer: Customer) -> Definition:
    """A customer as Redis keeps one; Customer(id) is the blank of one who was never stored."""
    return Definition(customer_key(project_id, customer.id), customer.version, _encode(customer))


def encode_product(project_id: str, product: Product) -> Definition:
    """A product as Redis keeps it; Product(id) is the blank of one that was never stored."""
    return Definition(product_key(project_id, product.id), product.version, _encode(product))


def encode_sku(project_id: str, sku: Sku) -> Definition:
    """A SKU as Redis keeps it; Sku(id) is the blank of one that was never stored."""
    return Definition(sku_key(project_id, sku.id), sku.version, _encode(sku))


def encode_settings(settings: ProjectSettings) -> Definition:
    """A project's settings as Redis keeps them; ProjectSettings(project_id) are those of a project without any."""
    return Definition(settings_key(settings.project_id), settings.version, _encode(settings))


async def read_codes(tx: Transaction, project_id: str, codes: Sequence[str]) -> list[Redeemable]:
    """What these codes lead to, those of them that there are."""
    found = [voucher_definition(voucher_from(row)) for row in await tx.fetch(_VOUCHER_ROWS, project_id, codes)]
    known = {each.code for each in found}
    for read in _OTHER_CODES:
        others = [code for code in codes if code not in known]
        if others:
            more = await read(tx, project_id, others)
            found += more
            known.update(each.code for each in more)
    return found


async def read_referral_codes(tx: Transaction, project_id: str, codes: Sequence[str]) -> list[Redeemable]:
    """Those referral codes among `codes` that there are."""
    return [voucher_definition(voucher_from(row)) for row in await tx.fetch(_REFERRAL_CODE_ROWS, project_id, codes)]


async def read_tiers(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[VoucherRow]:
    """Those promotion tiers among `ids` that there are."""
    return [voucher_from(row) for row in await tx.fetch(_TIER_ROWS, project_id, ids)]


async def read_rules(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[Definition]:
    """Those rules among `ids` that there are."""
    return [encode_rule(rule_from(row)) for row in await tx.fetch(_RULE_ROWS, project_id, ids)]


async def read_customers(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[Definition]:
    """Each of these customers, blank where nothing is stored."""
    stored = {row["id"]: customer_from(row) for row in await tx.fetch(_CUSTOMER_ROWS, project_id, ids)}
    return [encode_customer(project_id, stored.get(id_) or Customer(id_)) for id_ in ids]


async def read_products(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[Definition]:
    """Each of these products, blank where nothing is stored."""
    stored = {row["id"]: product_from(row) for row in await tx.fetch(_PRODUCT_ROWS, project_id, ids)}
    return [encode_product(project_id, stored.get(id_) or Product(id_)) for id_ in ids]


async def read_skus(tx: Transaction, project_id: str, ids: Sequence[str]) -> list[Definition]:
    """Each of these SKUs, blank where nothing is stored."""
    stored = {row["id"]: sku_from(row) for row in await tx.fetch(_SKU_ROWS, project_id, ids)}
    return [encode_sku(project_id, stored.get(id_) or Sku(id_)) for id_ in ids]


async def read_settings(tx: Transaction, project_id: str) -> ProjectSettings:
    """The project's settings, or the defaults."""
    rows = await tx.fetch(_SETTINGS_ROWS, project_id)
    return settings_from(rows[0]) if rows else ProjectSettings(project_id)


_OTHER_CODES: tuple[Callable[[Transaction, str, Sequence[str]], Awaitable[list[Redeemable]]], ...] = (
    read_cards_by_code,
    read_referral_codes,
)


async def stage_change(
    tx: Transaction, shard: int, project_id: str, object_: Object, object_id: str, version: int, limits: Sequence[Limit]
) -> None:
    """Step (a), inside the transaction that wrote the new version: raise the ceilings, enqueue the change."""
    if limits:
        await tx.execute(
            _RAISE_CEILINGS,
            project_id,
            [limit.counter for limit in limits],
            [limit.kind for limit in limits],
            [limit.value for limit in limits],
            version,
        )
    await tx.execute(_ENQUEUE_CHANGE, project_id, shard, object_, object_id, version)


async def forget_changes(tx: Transaction, project_id: str, object_: Object, object_id: str) -> None:
    """Inside the transaction that deletes it: there is nothing more to tell of it. Only of what nothing refers to."""
    await tx.execute(_MARK_APPLIED, project_id, object_, object_id, _NEWEST_OF_ALL)


async def project_change(
    open_tx: OpenTransaction, scripts: Scripts, project_id: str, object_: Object, object_id: str, created: bool = False
) -> bool:
    """Steps (b) and (c): put the newest version into Redis, then lower the ceilings to what may still be in force.

    True when Redis has it; False where its epoch is closed (the projector goes on). Whatever Redis or PostgreSQL
    raise is the caller's: the change stays enqueued. `created`: nothing of it can be in Redis or in use yet.
    """
    async with open_tx() as tx:
        gone = await _gone(tx, project_id, object_, object_id)
        newest = None if gone is not None else await _newest(tx, project_id, object_, object_id)
        if newest is None and gone is None:  # deleted since: nobody can ask for it
            await forget_changes(tx, project_id, object_, object_id)
            return True
    if newest is None:
        assert gone is not None
        return await _let_go(open_tx, scripts, project_id, object_, object_id, gone)
    definition, limits, version = newest
    kept = [limit for limit in limits if not limit.is_family]
    scope = project_id if definition is None else change_scope(project_id, definition.key)
    status, used = await scripts.apply(
        scope, definition, [(limit.counter, limit.value) for limit in kept], version, created
    )
    if status is not Status.OK:
        return False
    async with open_tx() as tx:
        if kept:
            await tx.execute(
                _SETTLE_CEILINGS,
                project_id,
                [limit.counter for limit in kept],
                [limit.value for limit in kept],
                [units or 0 for units in used],
                version,
            )
        await tx.execute(_MARK_APPLIED, project_id, object_, object_id, version)
    return True


async def _gone(tx: Transaction, project_id: str, object_: Object, object_id: str) -> Definition | None:
    """Of a customer who is not stored any more: the key, and the newest version that Redis need not be told."""
    if object_ != "customer" or await tx.fetch(_CUSTOMER_ROWS, project_id, [object_id]):
        return None
    version = await tx.fetchval(_STAGED, project_id, object_, object_id)
    return Definition(customer_key(project_id, object_id), version, b"")


async def _let_go(
    open_tx: OpenTransaction, scripts: Scripts, project_id: str, object_: Object, object_id: str, gone: Definition
) -> bool:
    """What is absent is read from PostgreSQL, so it does no harm to one who has come back meanwhile."""
    if (await scripts.forget(project_id, [gone.key])).status is not Status.OK:
        return False
    async with open_tx() as tx:
        await tx.execute(_MARK_APPLIED, project_id, object_, object_id, gone.version)
    return True


async def _newest(
    tx: Transaction, project_id: str, object_: Object, object_id: str
) -> tuple[Definition | None, tuple[Limit, ...], int] | None:
    if object_ == "campaign":
        row = await tx.fetchrow(_CAMPAIGN_ROW, project_id, object_id)
        if row is None:
            return None
        campaign = campaign_from(row)
        return encode_campaign(campaign), campaign_limits(campaign), campaign.version
    if object_ == "voucher":
        voucher = voucher_from(await tx.fetchrow(_VOUCHER_ROW, project_id, object_id))
        return encode_voucher(voucher), voucher_limits(voucher), voucher.version
    if object_ == "promotion_tier":
        tier = (await read_tiers(tx, project_id, [object_id]))[0]
        return encode_voucher(tier), voucher_limits(tier), tier.version
    if object_ == "gift_card":
        card = (await read_gift_cards(tx, project_id, [object_id]))[0]
        return encode_redeemable(gift_card_definition(card)), gift_card_limits(card), card.version
    if object_ == "loyalty_card":
        points = (await read_loyalty_cards(tx, project_id, [object_id]))[0]
        return encode_redeemable(loyalty_card_definition(points)), loyalty_card_limits(points), points.version
    if object_ == "referral_code":  # what limits it is the program's
        code = voucher_from(await tx.fetchrow(_REFERRAL_CODE_ROW, project_id, object_id))
        return encode_voucher(code), (), code.version
    if object_ == "rule":
        rules = await read_rules(tx, project_id, [object_id])
        return (rules[0], (), rules[0].version) if rules else None
    definition = await _read_one(tx, project_id, object_, object_id)
    # A batch of new codes: only the change number moves. Limits of rules are families, which Redis does not keep.
    return definition, (), 0 if definition is None else definition.version


async def _read_one(tx: Transaction, project_id: str, object_: Object, object_id: str) -> Definition | None:
    if object_ == "customer":
        return (await read_customers(tx, project_id, [object_id]))[0]
    if object_ == "product":
        return (await read_products(tx, project_id, [object_id]))[0]
    if object_ == "sku":
        return (await read_skus(tx, project_id, [object_id]))[0]
    if object_ == "settings":
        return encode_settings(await read_settings(tx, project_id))
    return None
