"""Quarantine entries on the wire."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType


class QuarantineView(msgspec.Struct):
    """An event that could not be settled. `pending`: what was asked for travels through the stream."""

    id: str
    object: Literal["quarantine_entry"]
    status: str
    reason: str
    detail: str
    redemption_id: str | None
    created_at: str
    resolved_at: str | None
    resolved_by: str | None
    pending: bool | UnsetType = UNSET
