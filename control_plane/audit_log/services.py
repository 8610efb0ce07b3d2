"""What is read of the audit log; nothing in it is ever changed."""

from typing import Any

from litestar import Response

from control_plane.audit_log.schemas import AuditEntryView
from control_plane.calls import AccountCall
from control_plane.effects import answer
from control_plane.listing import DATED, Filters, Listing, Text, until
from control_plane.queries import Page, list_body
from control_plane.rules.times import show_time
from store.queries import query

_LIST = query("control_audit_log")
_OF_PROJECT = query("control_audit_log_of_project")


async def list_entries(call: AccountCall) -> Response[bytes]:
    """GET /v1/audit-log; newest first."""
    asked = call.query()
    filters = [asked.text("project_id", 64), asked.text("subject", 64), asked.text("subject_id", 1024)]
    filters += [asked.text("actor", 64), asked.text("action", 64)]
    since, ends, page = asked.time("since"), asked.time("until"), asked.page()
    asked.done()
    async with call.open_tx() as tx:
        rows = await tx.fetch(_LIST, call.account_id, page.after, page.after_id, *filters, since, ends, page.rows)
    return answer(200, list_body(rows, page, _show))


def _of_project(project_id: str, filters: Filters, page: Page) -> tuple[Any, ...]:
    page = until(page, filters)
    given = [filters[name] for name in ("subject", "subject_id", "actor", "action", "created_from")]
    return (_OF_PROJECT, project_id, page.after, page.after_id, *given, page.rows)


AUDIT_LOG = Listing(
    AuditEntryView,
    lambda row, _tenant: _show(row),
    _of_project,
    {"subject": Text(64), "subject_id": Text(1024), "actor": Text(64), "action": Text(64), **DATED},
)
"""What was changed in a project, as exports have it."""


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
