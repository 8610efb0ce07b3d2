"""Reading what a shop keeps here under its own ids: one of them, and lists of them.

Must never know what it reads: each area brings its statements and how a row is shown.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Response

from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.listing import Filters, Statement
from control_plane.queries import Page
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


def by_id_or(by_id: str, statement: Statement) -> Statement:
    """A list that answers, by its filter `id`, also for one that no path can spell, such as one with a slash. $3 and so
    on of `by_id` are the list's other filters, in their order: the one must meet them as well."""

    def either(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
        if filters["id"] is not None:
            others = (value for name, value in filters.items() if name != "id")
            return (by_id, project_id, filters["id"], *others)
        return statement(project_id, filters, page)

    return either


def plain(statement: str) -> Statement:
    """A list that is narrowed by nothing else."""
    return lambda project_id, _filters, page: (statement, project_id, page.after, page.after_id, page.rows)
