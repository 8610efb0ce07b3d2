"""Lists of campaigns, and of the programs that are campaigns too: by the status that they have at the clock."""

from collections.abc import Callable
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.campaigns.storing import StoredCampaign, campaign_from_row
from control_plane.clock import now_ms
from control_plane.listing import DATED, Filter, Filters, Listing, Words, until
from control_plane.queries import Page
from domain.lifecycle import SHOWN
from store.queries import query

Show = Callable[[StoredCampaign, Tenant], msgspec.Struct]

_LIST = query("control_campaigns")
_OF_TYPE = query("control_campaigns_of_type")
_OF_STATUS = query("control_campaigns_of_status")
_SEARCH = query("control_search_campaigns")

_STORED: dict[str | None, tuple[str, ...]] = {
    None: ("draft", "active", "paused", "ended"),
    "draft": ("draft",),
    "scheduled": ("active",),
    "active": ("active",),
    "paused": ("paused",),
    "ended": ("active", "paused", "ended"),
    "archived": ("archived",),
}
"""What may be stored where a status is shown."""


def campaign_listing(view: type[msgspec.Struct], show: Show, types: tuple[str, ...]) -> Listing:
    """The list of campaigns of these types; what is archived stands in none but that of its status."""

    def types_of(filters: Filters) -> tuple[str, ...]:
        return types if filters.get("type") is None else (filters["type"],)

    def statement(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
        status, wanted, page = filters["status"], types_of(filters), until(page, filters)
        stored = _STORED[status]
        since = filters["created_from"]
        shared = (project_id, stored, status, now_ms(), since, page.after, page.after_id, page.rows)
        if len(stored) == 1 and status not in ("active", "scheduled"):
            return (_OF_STATUS, *shared, wanted, stored[0])
        if len(wanted) == 1:
            return (_OF_TYPE, *shared, wanted[0])
        return (_LIST, *shared, wanted)

    def search_arguments(filters: Filters) -> tuple[Any, ...]:
        status = filters["status"]
        dates = filters["created_from"], filters["created_before"]
        return (_STORED[status], status, now_ms(), types_of(filters), *dates)

    filters: dict[str, Filter] = {"status": Words(SHOWN)}
    if len(types) > 1:
        filters["type"] = Words(types)
    return Listing(
        view,
        lambda row, tenant: show(campaign_from_row(row), tenant),
        statement,
        {**filters, **DATED},
        searches=(_SEARCH,),
        search_arguments=search_arguments,
    )
