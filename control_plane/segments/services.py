"""What is done with segments: upserted, read, listed. No decision reads one: a customer's segments are ids, and one
that is not kept here is as good. So nothing has to be put in force."""

from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from litestar import Response

from control_plane.audit import record
from control_plane.calls import Call
from control_plane.effects import Outcome, perform
from control_plane.listing import Listing, Text
from control_plane.metadata_schemas.holding import hold
from control_plane.rules.times import show_time
from control_plane.segments.schemas import SegmentUpsert, SegmentView
from control_plane.shop_reading import by_id_or, get_one, plain
from control_plane.upserts import ensure_locked, given_fields
from store.database import Transaction
from store.queries import query

_ENSURE = query("control_ensure_segment")
_LOCK = query("control_lock_segment")
_UPDATE = query("control_update_segment")
_GET = query("control_segment")


class StoredSegment(msgspec.Struct, frozen=True):
    """A segment's row."""

    id: str
    name: str | None
    metadata: str
    created_at: datetime
    updated_at: datetime


async def upsert_segment(call: Call) -> Response[bytes]:
    """POST /v1/segments"""
    body = call.body(SegmentUpsert)
    fields = given_fields(call.errors, name=body.name, metadata=body.metadata)
    call.errors.raise_if_any()
    return await perform(call, partial(_upsert, call, body.id, fields))


async def _upsert(call: Call, segment_id: str, fields: dict[str, Any], tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    before, made = await ensure_locked(tx, _ENSURE, _LOCK, _from_row, project_id, segment_id)
    await hold(tx, call, "segment", fields.get("metadata"), is_new=made)
    after = msgspec.structs.replace(before, **fields)
    if after == before and not made:
        return Outcome(200, _show(before))
    stored = _from_row(await tx.fetchrow(_UPDATE, project_id, segment_id, after.name, after.metadata))
    await record(tx, call, "segment.upsert", segment_id, after={"name": stored.name})
    return Outcome(200, _show(stored))


async def get_segment(call: Call, segment_id: str) -> Response[bytes]:
    """GET /v1/segments/{id}"""
    return await get_one(call, _GET, segment_id, "segment_not_found", _show_row)


def _show_row(row: Any) -> SegmentView:
    return _show(_from_row(row))


def _from_row(row: Any) -> StoredSegment:
    return msgspec.convert(dict(row), StoredSegment)


def _show(segment: StoredSegment) -> SegmentView:
    return SegmentView(
        id=segment.id,
        object="segment",
        name=segment.name,
        metadata=msgspec.Raw(segment.metadata.encode()),
        created_at=show_time(segment.created_at),
        updated_at=show_time(segment.updated_at),
    )


SEGMENTS = Listing(
    SegmentView, lambda row, _tenant: _show_row(row), by_id_or(_GET, plain(query("control_segments"))), {"id": Text()}
)
"""GET /v1/segments"""
