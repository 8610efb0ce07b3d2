"""Lists: what one can be narrowed by, which statement answers it and how its rows are shown, said once for GET and for
exports. Each way of narrowing that matters has a statement, and so an index, of its own. Where a page begins is written
`(created_at, id) < (COALESCE($2, 'infinity'), COALESCE($3, ''))`: an OR over NULL is no condition of an index in a plan
that is made for all arguments, and a deep page would walk all that is before it.

Must never know what is listed: each area brings its Listing.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any, Protocol

import msgspec
from litestar import Response

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.effects import answer
from control_plane.problems import Errors
from control_plane.queries import MOST_FILTER_CHARS, ListBody, Page, Query, list_body, parse_time
from control_plane.searching import search
from store.database import Transaction

Filters = dict[str, Any]
"""By name what a list is narrowed by; None where it is not."""
Require = Callable[[Transaction], Awaitable[object]]
"""Refuses where what a list is of is not there."""
Statement = Callable[[str, Filters, Page], tuple[Any, ...]]
"""The SQL of a page of this project's rows, and its arguments."""


class Filter(Protocol):
    """What a list can be narrowed by."""

    def ask(self, query: Query, name: str) -> Any:
        """The filter as a query gives it; what is wrong with it is noted there."""

    def read(self, text: str) -> Any:
        """The filter as a text says it; ValueError says what it must be."""


class Text(msgspec.Struct, frozen=True):
    """A text that rows are compared with."""

    longest: int = MOST_FILTER_CHARS

    def ask(self, query: Query, name: str) -> str | None:
        return query.text(name, self.longest)

    def read(self, text: str) -> str:
        if len(text) > self.longest:
            raise ValueError(f"takes 1 to {self.longest} characters")
        return text


class Words(msgspec.Struct, frozen=True):
    """One of a few words."""

    options: tuple[str, ...]

    def ask(self, query: Query, name: str) -> str | None:
        return query.choice(name, self.options)

    def read(self, text: str) -> str:
        if text not in self.options:
            raise ValueError(f"must be one of {', '.join(self.options)}")
        return text


class Time(msgspec.Struct, frozen=True):
    """A point in time."""

    def ask(self, query: Query, name: str) -> datetime | None:
        return query.time(name)

    def read(self, text: str) -> datetime:
        return parse_time(text)


DATED: dict[str, Filter] = {"created_from": Time(), "created_before": Time()}
"""The filters of a list whose rows can be chosen by when they were made."""


def until(page: Page, filters: Filters) -> Page:
    """The page, where nothing is wanted that was made at `created_before` or later."""
    before = filters["created_before"]
    if before is None or (page.after is not None and page.after <= before):
        return page
    return msgspec.structs.replace(page, after=before, after_id="")


class Listing(msgspec.Struct, frozen=True):
    """A list of a project's rows, newest first, by `created_at` and `id`. `searches` are the statements that find them
    by the beginning of a name or code (see searching.py); their arguments from $6 on are the `search_arguments`."""

    view: type[msgspec.Struct]
    show: Callable[[Any, Tenant], msgspec.Struct]
    statement: Statement
    filters: dict[str, Filter] = {}
    searches: tuple[str, ...] = ()
    search_arguments: Callable[[Filters], Iterable[Any]] = dict.values
    search_text: Callable[[str], str] = str
    """How a text to search by is spelled where rows are found by codes."""


async def list_page(
    call: Call, listing: Listing, within: dict[str, str] | None = None, require: Require | None = None
) -> Response[bytes]:
    """GET a page of a list. `within`: filters that the path says, of a list of what something has; `require` refuses
    where there is no such thing."""
    asked, tenant, given = call.query(), call.tenant, within or {}
    filters: Filters = {
        name: given[name] if name in given else kind.ask(asked, name) for name, kind in listing.filters.items()
    }
    begins = asked.text("search") if listing.searches else None
    if begins is not None:
        found = asked.found()
        asked.done()
        async with call.open_tx() as tx:
            await _hold(require, tx)
            arguments, spelled = listing.search_arguments(filters), listing.search_text(begins)
            rows, cursor = await search(tx, listing.searches, tenant.project_id, spelled, found, arguments)
        return answer(200, ListBody([listing.show(row, tenant) for row in rows], cursor))
    page = asked.page()
    asked.done()
    statement, *arguments = listing.statement(tenant.project_id, filters, page)
    async with call.open_tx() as tx:
        await _hold(require, tx)
        rows = await tx.fetch(statement, *arguments)
    return answer(200, list_body(rows, page, lambda row: listing.show(row, tenant)))


async def _hold(require: Require | None, tx: Transaction) -> None:
    if require is not None:
        await require(tx)


def read_filters(given: dict[str, Any], listing: Listing, errors: Errors) -> Filters:
    """The filters of a body; what does not hold is noted."""
    filters: Filters = dict.fromkeys(listing.filters)
    for name, value in given.items():
        at = f"/filters/{name[:100]}"
        if name not in listing.filters:
            errors.add(at, "there is no such filter here")
        elif not isinstance(value, str) or not value or "\x00" in value:
            errors.add(at, "takes a text")
        else:
            try:
                filters[name] = listing.filters[name].read(value)
            except ValueError as error:
                errors.add(at, str(error))
    return filters
