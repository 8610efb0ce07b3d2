"""Asynchronous actions on the wire."""

from typing import Any, Literal

import msgspec


class AsyncActionView(msgspec.Struct):
    """Work that outlives its request, and how far it is."""

    id: str
    object: Literal["async_action"]
    type: str
    status: str
    total_count: int
    done_count: int
    failed_count: int
    failures: list[Any]
    campaign_id: str | None
    created_at: str
    updated_at: str
