"""Takes in what is to be imported: a file, read and cut into chunks while it comes; a list, as it is.

No transaction is open while a client sends. Must never leave anything of a file that did not come in whole.
"""

from collections.abc import AsyncIterator
from functools import partial
from hashlib import blake2b

from litestar import Response
from litestar.exceptions import InternalServerException

from control_plane.audit import record
from control_plane.bodies import escape, read_body
from control_plane.calls import AnyRequest, Call
from control_plane.effects import Outcome, perform
from control_plane.imports.columns import read_header, read_mapping
from control_plane.imports.importing import FileParams, ListParams
from control_plane.imports.resources import Resource
from control_plane.imports.tables import CsvReader
from control_plane.imports.uploads import read_file
from control_plane.jobs.ordering import insert_action
from control_plane.jobs.spool import pack_rows, write_chunk
from control_plane.vouchers.schemas import BatchAccepted
from domain.ids import fingerprint
from domain.problems import FieldError, Refused
from store.database import Transaction
from store.queries import query

ROWS_A_CHUNK = 500
MOST_CHUNK_CHARS = 1_000_000
MOST_ROWS = 1_000_000
MOST_RECORDS = 100
_PIECE_BYTES = 65_536

_QUEUE = query("control_queue_action")
_DROP = query("control_drop_received_action")


async def receive_file(call: Call, request: AnyRequest, resource: Resource) -> Response[bytes]:
    """POST /v1/{resource}/import"""
    asked = call.query()
    mapping, is_dry = read_mapping(asked.text("map", 2_000)), asked.choice("dry_run", ("true", "false")) == "true"
    asked.done()
    file = _File(call, resource, is_dry)
    try:
        content_type = request.headers.get("Content-Type", "text/csv")
        try:
            await file.spool(read_file(request.stream(), content_type), mapping)
        except InternalServerException as error:  # so Litestar calls a client that has gone
            raise Refused("incomplete_body") from error
        response = await perform(call, file.queue)
    finally:
        await file.drop_unless_queued()
    call.context.batches_due.set()
    return response


class _File:
    def __init__(self, call: Call, resource: Resource, is_dry: bool) -> None:
        self._call = call
        self._resource = resource
        self._is_dry = is_dry
        self._action_id: str | None = None
        self._fields: list[str] = []
        self._rows: list[tuple[int, list[str]]] = []
        self._chars = 0
        self._chunks = 0
        self._count = 0

    async def spool(self, pieces: AsyncIterator[bytes], mapping: dict[str, str]) -> None:
        """Read all of the file into chunks."""
        reader, digest = CsvReader(), blake2b(digest_size=32)
        async for piece in pieces:
            for start in range(0, len(piece), _PIECE_BYTES):
                part = piece[start : start + _PIECE_BYTES]
                digest.update(part)
                await self._take(reader.feed(part), mapping)
        await self._take(reader.feed(b"", is_last=True), mapping)
        if not self._fields:
            raise Refused("invalid_request", errors=(FieldError("the file has no header", pointer=""),))
        await self._flush()
        # What tells another file from the same one sent again: the query is part of it, the form around it is not.
        told = f"{self._call.operation} {self._is_dry} {self._fields}".encode() + digest.digest()
        self._call.fingerprint = fingerprint("import", told)

    async def queue(self, tx: Transaction) -> Outcome:
        """Hand it to the worker."""
        assert self._action_id is not None
        await tx.execute(_QUEUE, self._call.tenant.project_id, self._action_id, self._count)
        after = {"count": self._count, "dry_run": self._is_dry}
        await record(tx, self._call, f"{self._resource.import_type}.order", self._action_id, after=after)
        return Outcome(202, BatchAccepted(self._action_id))

    async def drop_unless_queued(self) -> None:
        """Where it was refused, broke off, or is a replay, nothing of it stays."""
        if self._action_id is not None:
            async with self._call.open_tx() as tx:
                await tx.execute(_DROP, self._call.tenant.project_id, self._action_id)

    async def _take(self, records: list[list[str]], mapping: dict[str, str]) -> None:
        for cells in records:
            if not self._fields:
                await self._begin(cells, mapping)
                continue
            self._count += 1
            if self._count > MOST_ROWS:
                raise Refused("body_too_large", f"A file takes {MOST_ROWS} rows.")
            self._rows.append((self._count + 1, cells))  # the header is row 1, as a spreadsheet shows it
            self._chars += sum(map(len, cells))
            if len(self._rows) >= ROWS_A_CHUNK or self._chars >= MOST_CHUNK_CHARS:
                await self._flush()

    async def _begin(self, header: list[str], mapping: dict[str, str]) -> None:
        resource = self._resource
        self._fields = read_header(header, mapping, resource.columns, resource.key)
        params = FileParams(resource.name, self._fields, self._is_dry)
        async with self._call.open_tx() as tx:
            self._action_id = await insert_action(
                tx, self._call, resource.import_type, 0, params, status="receiving", keeps_chunks=True
            )

    async def _flush(self) -> None:
        if not self._rows:
            return
        assert self._action_id is not None
        data = pack_rows(self._rows)
        async with self._call.open_tx() as tx:
            await write_chunk(tx, self._call.tenant.project_id, self._action_id, "input", self._chunks, data)
        self._chunks += 1
        self._rows, self._chars = [], 0


async def receive_list(call: Call, resource: Resource) -> Response[bytes]:
    """POST /v1/{resource}/bulk-update"""
    body = read_body(call.raw_body)
    records = body.get(resource.name)
    for name in body:
        if name != resource.name:
            call.errors.add(f"/{escape(name)}", "there is no such field here")
    if not isinstance(records, list) or not 1 <= len(records) <= MOST_RECORDS:
        call.errors.add(f"/{resource.name}", f"is a list of 1 to {MOST_RECORDS} records")
    else:
        for place, given in enumerate(records):
            if not isinstance(given, dict) or not isinstance(given.get(resource.key), str):
                call.errors.add(f"/{resource.name}/{place}", f"is an object with its {resource.key}")
    call.errors.raise_if_any()
    assert isinstance(records, list)
    response = await perform(call, partial(_order, call, resource, len(records)))
    call.context.batches_due.set()
    return response


async def _order(call: Call, resource: Resource, count: int, tx: Transaction) -> Outcome:
    params = ListParams(resource.name)
    action_id = await insert_action(tx, call, resource.update_type, count, params, keeps_chunks=True)
    await write_chunk(tx, call.tenant.project_id, action_id, "input", 0, call.raw_body)
    await record(tx, call, f"{resource.update_type}.order", action_id, after={"count": count})
    return Outcome(202, BatchAccepted(action_id))
