"""Asynchronous actions on the wire."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from control_plane.jobs.kinds import Failure


class AsyncActionView(msgspec.Struct):
    """Work that outlives its request, and how far it is. `progress` is null where nobody knows how much there is;
    `failures` are the first thousand, and in lists left out. `reason` says why the whole of it failed."""

    id: str
    object: Literal["async_action"]
    type: str
    status: str
    total_count: int
    done_count: int
    failed_count: int
    progress: float | None
    reason: str | None
    campaign_id: str | None
    dry_run: bool
    result_url: str | None
    created_at: str
    updated_at: str
    failures: list[Failure] | UnsetType = UNSET
