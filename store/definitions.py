"""Definitions in PostgreSQL and their way into Redis: the three steps of every change.

(a) the caller's transaction: new version, `stage_change`; (b) and (c) `project_change`, called by the request that
made the change and, for whatever it could not finish, by the projector. Must never put a count into Redis: limits
and definitions only, counts come by hydration.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

import msgspec

from domain.definitions import campaign_key, voucher_key
from domain.ledger import Definition
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

from .database import Transaction
from .queries import query
from .scripts import Scripts

Object = Literal["campaign", "voucher", "batch"]
OpenTransaction = Callable[[], AbstractAsyncContextManager[Transaction]]

_RAISE_CEILINGS = query("raise_ceilings")
_SETTLE_CEILINGS = query("settle_ceilings")
_ENQUEUE_CHANGE = query("enqueue_change")
_MARK_APPLIED = query("mark_changes_applied")
_CAMPAIGN_ROW = query("campaign_row")
_VOUCHER_ROW = query("voucher_row")

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
    """A voucher's definition as Redis keeps it, found by its code."""
    return Definition(voucher_key(row.project_id, row.code), row.version, _encode(voucher_definition(row)))


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


async def project_change(
    open_tx: OpenTransaction, scripts: Scripts, project_id: str, object_: Object, object_id: str, created: bool = False
) -> bool:
    """Steps (b) and (c): put the newest version into Redis, then lower the ceilings to what may still be in force.

    True when Redis has it; False where its epoch is closed (the projector goes on). Whatever Redis or PostgreSQL
    raise is the caller's: the change stays enqueued. `created`: nothing of it can be in Redis or in use yet.
    """
    async with open_tx() as tx:
        definition, limits, version = await _newest(tx, project_id, object_, object_id)
    kept = [limit for limit in limits if not limit.is_family]
    status, used = await scripts.apply(
        project_id, definition, [(limit.counter, limit.value) for limit in kept], version, created
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


async def _newest(
    tx: Transaction, project_id: str, object_: Object, object_id: str
) -> tuple[Definition | None, tuple[Limit, ...], int]:
    if object_ == "campaign":
        campaign = campaign_from(await tx.fetchrow(_CAMPAIGN_ROW, project_id, object_id))
        return encode_campaign(campaign), campaign_limits(campaign), campaign.version
    if object_ == "voucher":
        voucher = voucher_from(await tx.fetchrow(_VOUCHER_ROW, project_id, object_id))
        return encode_voucher(voucher), voucher_limits(voucher), voucher.version
    return None, (), 0  # a batch of new codes: only the change number moves
