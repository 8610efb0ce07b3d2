"""What is done with metadata schemas: put, read, listed, changed, deleted. What is stored already is not judged anew.

Nothing has to be put in force: no decision reads one.
"""

from decimal import Decimal
from functools import partial
from typing import Any, get_args

from litestar import Response
from msgspec import UnsetType, to_builtins

from control_plane.audit import record
from control_plane.bodies import NoBody, escape, fill
from control_plane.calls import Call
from control_plane.effects import Outcome, answer, perform
from control_plane.listing import Listing
from control_plane.metadata import to_text
from control_plane.metadata_schemas.holding import schema_from_row
from control_plane.metadata_schemas.schemas import (
    MOST_NAME_CHARS,
    MOST_OPTION_CHARS,
    MOST_PROPERTIES,
    MetadataSchemaPut,
    MetadataSchemaUpdate,
    MetadataSchemaView,
    PropertyInput,
    PropertyView,
    SchemaObject,
)
from control_plane.problems import Errors
from control_plane.rules.times import show_time
from control_plane.shop_reading import plain
from domain.metadata_schemas import MetadataSchema, Property, holds_type
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

OBJECTS: tuple[str, ...] = get_args(SchemaObject)
MOST_BYTES = 131_072
"""Of all properties, as PostgreSQL spells them."""

_GET = query("control_metadata_schema")
_LOCK = query("control_lock_metadata_schema")
_PUT = query("control_put_metadata_schema")
_DELETE = query("control_delete_metadata_schema")


async def put_schema(call: Call, object_: str) -> Response[bytes]:
    """PUT /v1/metadata-schemas/{object}"""
    body = call.body(MetadataSchemaPut)
    properties = _read(call, body.properties)
    call.errors.raise_if_any()
    _known(object_)
    made = {name: each for name, each in properties.items() if each is not None}
    after = MetadataSchema(made, body.allow_undefined is not False)
    return await perform(call, partial(_put, call, object_, after))


async def _put(call: Call, object_: str, after: MetadataSchema, tx: Transaction) -> Outcome:
    row = await tx.fetchrow(_LOCK, call.tenant.project_id, object_)
    return await _store(tx, call, object_, None if row is None else schema_from_row(row), after)


async def update_schema(call: Call, object_: str) -> Response[bytes]:
    """PATCH /v1/metadata-schemas/{object}"""
    body = call.body(MetadataSchemaUpdate)
    properties = _read(call, body.properties, may_remove=True)
    call.errors.raise_if_any()
    return await perform(call, partial(_update, call, object_, properties, body.allow_undefined))


async def _update(
    call: Call, object_: str, properties: dict[str, Property | None], allow: bool | UnsetType, tx: Transaction
) -> Outcome:
    row = await tx.fetchrow(_LOCK, call.tenant.project_id, object_) if object_ in OBJECTS else None
    if row is None:
        raise Refused("metadata_schema_not_found")
    before = schema_from_row(row)
    merged = {name: each for name, each in (before.properties | properties).items() if each is not None}
    if len(merged) > MOST_PROPERTIES:
        place = FieldError(f"a schema has {MOST_PROPERTIES} properties at most", pointer="/properties")
        raise Refused("invalid_request", errors=(place,))
    allows = before.allow_undefined if isinstance(allow, UnsetType) else allow
    return await _store(tx, call, object_, before, MetadataSchema(merged, allows))


async def _store(
    tx: Transaction, call: Call, object_: str, before: MetadataSchema | None, after: MetadataSchema
) -> Outcome:
    project_id = call.tenant.project_id
    errors = Errors()
    text = to_text(to_builtins(after.properties, builtin_types=(Decimal,)), "/properties", errors, MOST_BYTES)
    errors.raise_if_any()
    if before == after:
        return Outcome(200, _show(await tx.fetchrow(_GET, project_id, object_)))
    row = await tx.fetchrow(_PUT, project_id, object_, text, after.allow_undefined)
    await record(tx, call, "metadata_schema.put", object_, _audited(before), _audited(after))
    return Outcome(200, _show(row))


async def delete_schema(call: Call, object_: str) -> Response[bytes]:
    """DELETE /v1/metadata-schemas/{object}"""
    call.body(NoBody)
    call.errors.raise_if_any()
    return await perform(call, partial(_delete, call, object_))


async def _delete(call: Call, object_: str, tx: Transaction) -> Outcome:
    row = await tx.fetchrow(_LOCK, call.tenant.project_id, object_) if object_ in OBJECTS else None
    if row is None:
        raise Refused("metadata_schema_not_found")
    await tx.execute(_DELETE, call.tenant.project_id, object_)
    await record(tx, call, "metadata_schema.delete", object_, _audited(schema_from_row(row)))
    return Outcome(204, None)


async def get_schema(call: Call, object_: str) -> Response[bytes]:
    """GET /v1/metadata-schemas/{object}"""
    call.query().done()
    row = None
    if object_ in OBJECTS:
        async with call.open_tx() as tx:
            row = await tx.fetchrow(_GET, call.tenant.project_id, object_)
    if row is None:
        raise Refused("metadata_schema_not_found")
    return answer(200, _show(row))


def _known(object_: str) -> None:
    if object_ not in OBJECTS:
        raise Refused("metadata_schema_not_found", f"There are schemas of {', '.join(OBJECTS)}.")


def _audited(schema: MetadataSchema | None) -> dict[str, Any] | None:
    """What the audit log says of it: names and types; what may stand in an enum is the shop's."""
    if schema is None:
        return None
    types = {name: each.type for name, each in schema.properties.items()}
    return {"properties": types, "allow_undefined": schema.allow_undefined}


def _read(call: Call, given: dict[str, Any] | UnsetType, may_remove: bool = False) -> dict[str, Property | None]:
    """The properties of a body, None for those that it removes; faults are noted."""
    found: dict[str, Property | None] = {}
    for name, raw in ({} if isinstance(given, UnsetType) else given).items():
        at = f"/properties/{escape(name[:MOST_NAME_CHARS])}"
        if not 1 <= len(name) <= MOST_NAME_CHARS or "\x00" in name:
            call.errors.add(at, f"a name takes 1 to {MOST_NAME_CHARS} characters")
        elif raw is None and may_remove:
            found[name] = None
        elif not isinstance(raw, dict):
            call.errors.add(at, "must be an object")
        else:
            found[name] = _read_property(call, raw, at)
    return found


def _read_property(call: Call, raw: dict[str, Any], at: str) -> Property | None:
    given, errors = fill(raw, PropertyInput, at, call.errors), call.errors
    if not isinstance(given.type, str):
        return None  # noted
    items = given.items if isinstance(given.items, str) else None
    if given.type == "array" and items is None:
        errors.add(f"{at}/items", "is required of an array: what are its members?")
        return None
    if given.type != "array" and items is not None:
        errors.add(f"{at}/items", "is of an array's members")
        return None
    scalar = items if given.type == "array" else given.type
    assert scalar is not None
    enum = tuple(given.enum) if isinstance(given.enum, list) else None
    for place, option in enumerate(enum or ()):
        if not holds_type(option, scalar) or (isinstance(option, str) and not _is_option(option)):
            errors.add(f"{at}/enum/{place}", f"must be a {scalar} of at most {MOST_OPTION_CHARS} characters")
    longest = given.max_length if isinstance(given.max_length, int) else None
    if longest is not None and scalar != "string":
        errors.add(f"{at}/max_length", "is of strings")
    return Property(given.type, items, given.required is True, enum, longest)


def _is_option(option: str) -> bool:
    return len(option) <= MOST_OPTION_CHARS and "\x00" not in option


def _show(row: Any) -> MetadataSchemaView:
    schema = schema_from_row(row)
    properties = {
        name: PropertyView(
            each.type, each.items, each.required, None if each.enum is None else list(each.enum), each.max_length
        )
        for name, each in schema.properties.items()
    }
    return MetadataSchemaView(
        id=row["id"],
        object="metadata_schema",
        properties=properties,
        allow_undefined=schema.allow_undefined,
        created_at=show_time(row["created_at"]),
        updated_at=show_time(row["updated_at"]),
    )


METADATA_SCHEMAS = Listing(
    MetadataSchemaView, lambda row, _tenant: _show(row), plain(query("control_metadata_schemas"))
)
"""GET /v1/metadata-schemas"""
