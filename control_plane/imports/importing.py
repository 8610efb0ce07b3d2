"""One chunk of a file or a list: read from the spool, taken in, and where the next begins."""

from typing import Any

import msgspec

from control_plane.bodies import read_body
from control_plane.imports.columns import read_cells
from control_plane.imports.records import Record, take_each
from control_plane.imports.resources import RESOURCES, Resource
from control_plane.jobs.kinds import Run, Step
from control_plane.jobs.spool import read_chunk, unpack_rows
from control_plane.problems import Errors
from domain.problems import Refused
from store.database import Transaction

UPDATES_A_CHUNK = 20


class FileParams(msgspec.Struct, frozen=True):
    """What a file's import is made from: the field of each of its columns."""

    resource: str
    fields: list[str]
    is_dry: bool


class ListParams(msgspec.Struct, frozen=True):
    """What a bulk update is made from; the records are in the spool."""

    resource: str


class Place(msgspec.Struct, frozen=True):
    """Where the next rows are: in which chunk of the input, and which of its rows."""

    chunk: int = 0
    at: int = 0


async def take_in_file(tx: Transaction, run: Run) -> Step:
    """The next rows of a file."""
    params, place = msgspec.convert(run.params, FileParams), msgspec.convert(run.position, Place)
    resource = RESOURCES[params.resource]
    rows = unpack_rows(await read_chunk(tx, run.action.project_id, run.action.id, "input", place.chunk))
    taken = rows[place.at : place.at + resource.rows_a_chunk]
    step = await resource.take_rows(tx, run, [_record(resource, params, *row) for row in taken])
    at = place.at + len(taken)
    step.position = Place(place.chunk, at) if at < len(rows) else Place(place.chunk + 1)
    return step


async def take_in_records(tx: Transaction, run: Run) -> Step:
    """The next records of a bulk update."""
    params, place = msgspec.convert(run.params, ListParams), msgspec.convert(run.position, Place)
    resource = RESOURCES[params.resource]
    raw = await read_chunk(tx, run.action.project_id, run.action.id, "input", 0)
    given = read_body(raw or b"")[resource.name][place.at : place.at + UPDATES_A_CHUNK]
    records = [Record(place.at + number, record) for number, record in enumerate(given, start=1)]
    step = await take_each(tx, run, records, resource.update, resource.key)
    step.position = Place(0, place.at + len(records))
    return step


def _record(resource: Resource, params: FileParams, row: int, cells: list[str]) -> Record:
    errors = Errors()
    given: dict[str, Any] = read_cells(params.fields, cells, resource.columns, errors)
    try:
        errors.raise_if_any()
    except Refused as refused:
        return Record(row, given, refused)
    return Record(row, given)
