"""Holding metadata against the project's schema of it, where there is one: the one place where that is done.

The schema is read once in a call, or in a chunk of a job, however many rows it has.
"""

import json
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from control_plane.bodies import escape
from control_plane.calls import Call
from control_plane.metadata_schemas.schemas import SchemaObject
from control_plane.problems import Errors
from domain.metadata_schemas import MetadataSchema, Property
from store.database import Transaction
from store.queries import query

_GET = query("control_metadata_schema")


async def hold(
    tx: Transaction,
    call: Call,
    object_: SchemaObject,
    metadata: str | None,
    *,
    is_new: bool = True,
    pointer: str = "/metadata",
) -> None:
    """Refused with every fault. Of what there is already, metadata that stays as it is (None) is not judged."""
    if metadata is None and not is_new:
        return
    schema = await load_schema(tx, call, object_)
    if schema is None:
        return
    errors = Errors()
    note_faults(schema, metadata, pointer, errors)
    errors.raise_if_any()


class _WithMetadata(Protocol):
    @property
    def metadata(self) -> str: ...


def changed_metadata(before: _WithMetadata, after: _WithMetadata) -> str | None:
    """The metadata that a change sets; None where they stay."""
    return after.metadata if after.metadata != before.metadata else None


def note_faults(schema: MetadataSchema, metadata: str | None, pointer: str, errors: Errors) -> None:
    """Note what does not hold; None: no metadata."""
    given = json.loads(metadata or "{}", parse_float=Decimal)
    for path, detail in schema.faults(given):
        errors.add("".join([pointer, *(f"/{escape(str(part))}" for part in path)]), detail)


async def load_schema(tx: Transaction, call: Call, object_: SchemaObject) -> MetadataSchema | None:
    """The project's schema for this kind of thing, or None."""
    known = call.metadata_schemas
    if object_ not in known:
        row = await tx.fetchrow(_GET, call.tenant.project_id, object_)
        known[object_] = None if row is None else schema_from_row(row)
    return known[object_]


def schema_from_row(row: Any) -> MetadataSchema:
    """The schema of a row, whose properties come as text: numbers of an enum stay what they are."""
    stored = json.loads(row["properties"], parse_float=Decimal)
    return MetadataSchema(msgspec.convert(stored, dict[str, Property]), row["allow_undefined"])
