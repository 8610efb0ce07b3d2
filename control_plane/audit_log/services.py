"""What is read of the audit log; nothing in it is ever changed."""

from typing import Any

from litestar import Response

from control_plane.audit_log.schemas import AuditEntryView
from control_plane.calls import AccountCall
from control_plane.effects import answer
from control_plane.queries import list_body
from control_plane.rules.times import show_time
from store.queries import query

_LIST = query("control_audit_log")


async def list_entries(call: AccountCall) -> Response[bytes]:
    """GET /v1/audit-log; newest first."""
    asked = call.query()
    filters = [asked.text("project_id", 64), asked.text("subject", 64), asked.text("subject_id", 1024)]
    filters += [asked.text("actor", 64), asked.text("action", 64)]
    since, until, page = asked.time("since"), asked.time("until"), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.account_id, page.after, page.after_id, *filters, since, until, page.rows)
    return answer(200, list_body(rows, page, _show))


def _show(row: Any) -> AuditEntryView:
    return AuditEntryView(
        id=row["id"],
        object="audit_entry",
        actor=row["actor"],
        action=row["action"],
        project_id=row["project_id"],
        subject=row["object"],
        subject_id=row["object_id"],
        before=row["before"],
        after=row["after"],
        created_at=show_time(row["created_at"]),
    )
