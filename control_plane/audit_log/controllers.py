"""Routes of the audit log."""

from litestar import Controller, Response, get
from litestar.di import NamedDependency

from control_plane.audit_log.schemas import AuditEntryView
from control_plane.audit_log.services import list_entries
from control_plane.calls import AccountCall
from control_plane.queries import ListBody
from control_plane.rights import in_area


class AuditLogController(Controller):
    """/v1/audit-log"""

    path = "/v1/audit-log"
    opt = in_area("audit_log")

    @get("/", operation_id="listAuditLog", opt={"answer": ListBody[AuditEntryView]})
    async def list(self, account: NamedDependency[AccountCall]) -> Response[bytes]:
        return await list_entries(account)
