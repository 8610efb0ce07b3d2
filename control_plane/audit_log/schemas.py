"""The audit log on the wire."""

from typing import Any, Literal

import msgspec


class AuditEntryView(msgspec.Struct):
    """One change: who (a key's id or a member's), what, on what, and what it was before and after."""

    id: str
    object: Literal["audit_entry"]
    actor: str
    action: str
    project_id: str | None
    subject: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: str
