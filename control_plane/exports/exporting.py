"""One chunk of an export: a page of its list, written into the result. Newest first, from what there was when it was
ordered; what is changed while it runs is shown as it is when its page is read."""

from datetime import datetime

import msgspec

from control_plane.exports.formats import csv_header, csv_lines, json_lines
from control_plane.exports.resources import EXPORTED
from control_plane.exports.schemas import Format
from control_plane.imports.records import breathe
from control_plane.jobs.kinds import Run, Step
from control_plane.jobs.spool import write_chunk
from control_plane.listing import read_filters
from control_plane.problems import Errors
from control_plane.queries import Page
from store.database import Transaction

ACTION_TYPE = "export"
ROWS_A_CHUNK = 500
_LAST_ID = "\U0010ffff"
"""Behind every id: of the rows of one moment, all."""


class ExportParams(msgspec.Struct, frozen=True):
    """What an export is of."""

    resource: str
    format: Format
    filters: dict[str, str]


class Place(msgspec.Struct, frozen=True):
    """The last row that was written."""

    after: datetime | None = None
    after_id: str = _LAST_ID


async def write_page(tx: Transaction, run: Run) -> Step:
    """The next rows."""
    params, place = msgspec.convert(run.params, ExportParams), msgspec.convert(run.position, Place)
    exported = EXPORTED[params.resource]
    page = Page(ROWS_A_CHUNK, place.after or run.ordered_at, place.after_id)
    filters = read_filters(params.filters, exported, Errors())  # they held when it was ordered
    statement, *arguments = exported.statement(run.action.project_id, filters, page)
    rows = await tx.fetch(statement, *arguments)
    kept, shown = rows[:ROWS_A_CHUNK], []
    for number, row in enumerate(kept):
        await breathe(number)
        shown.append(exported.show(row, run.tenant))
    if params.format == "csv":
        head = b"" if run.result_chunks else csv_header(exported.view)
        data = head + csv_lines(exported.view, shown)
    else:
        data = json_lines(shown)
    await write_chunk(tx, run.action.project_id, run.action.id, "result", run.result_chunks, data)
    last = Place(kept[-1]["created_at"], kept[-1]["id"]) if kept else place
    return Step(done=len(kept), position=last, is_over=len(rows) <= ROWS_A_CHUNK, result_chunks=1)
