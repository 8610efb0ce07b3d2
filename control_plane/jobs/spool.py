"""Chunks of what an action reads and writes: rows of the database, so that they are where the action is, are seen by
its tenant alone, and go with the transaction of the work. Must never hold more than one chunk of a file at a time."""

from typing import Any, Literal

import msgspec

from store.database import Transaction
from store.queries import query

Side = Literal["input", "result"]

_INSERT = query("control_insert_chunk")
_READ = query("control_chunk")
_DELETE = query("control_delete_chunks")
_DELETE_INPUT = query("control_delete_input")


async def write_chunk(tx: Transaction, project_id: str, action_id: str, side: Side, chunk_no: int, data: bytes) -> None:
    """Add a chunk."""
    await tx.execute(_INSERT, project_id, action_id, side, chunk_no, data)


async def read_chunk(tx: Transaction, project_id: str, action_id: str, side: Side, chunk_no: int) -> bytes | None:
    """A chunk, from 0; None behind the last."""
    data: bytes | None = await tx.fetchval(_READ, project_id, action_id, side, chunk_no)
    return data


async def delete_chunks(tx: Transaction, project_id: str, action_id: str) -> None:
    """Let go of all that the action kept."""
    await tx.execute(_DELETE, project_id, action_id)


async def drop_input(tx: Transaction, project_id: str, action_id: str) -> None:
    """Let go of what the action has read."""
    await tx.execute(_DELETE_INPUT, project_id, action_id)


def pack_rows(rows: list[Any]) -> bytes:
    """Rows of an input as a chunk holds them."""
    return msgspec.json.encode(rows)


def unpack_rows(data: bytes | None) -> list[Any]:
    """The rows of an input's chunk."""
    rows: list[Any] = [] if data is None else msgspec.json.decode(data)
    return rows
