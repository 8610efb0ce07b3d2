"""Reading what a shop keeps here under its own ids: one of them, and lists of them.

Must never know what it reads: each area brings its statements and how a row is shown.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.queries import list_body
from control_plane.shop_ids import is_shop_id
from domain.problems import Refused

Show = Callable[[Any], msgspec.Struct]


async def get_one(call: Call, statement: str, id_: str, missing: str, show: Show) -> Response[bytes]:
    """GET one by its id; refused with the code `missing` where the project has none."""
    call.query().done()
    row = None
    if is_shop_id(id_):
        async with call.open_tx() as tx:
            row = await tx.fetchrow(statement, call.tenant.project_id, id_)
    if row is None:
        raise Refused(missing)
    return answer(200, show(row))


async def list_all(call: Call, statement: str, by_id: str, show: Show) -> Response[bytes]:
    """GET a page of them; by `id` also one that no path can spell, such as one with a slash."""
    asked = call.query()
    id_, page = asked.text("id"), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        if id_ is not None:
            rows = await tx.fetch(by_id, call.tenant.project_id, id_)
        else:
            rows = await tx.fetch(statement, call.tenant.project_id, page.after, page.after_id, page.rows)
    return answer(200, list_body(rows, page, show))
