"""Numbers of the day."""

from litestar import Response

from control_plane.analytics.schemas import Overview
from control_plane.calls import Call
from control_plane.clock import now_ms, utc_today
from control_plane.effects import answer
from domain.money import to_major
from store.queries import query

TOP_CODE_OF_LATEST = 20_000

_OVERVIEW = query("control_overview")
_TOP_CODE = query("control_top_code")


async def get_overview(call: Call) -> Response[bytes]:
    """GET /v1/analytics/overview"""
    call.query().done()
    tenant, today = call.tenant, utc_today()
    async with call.open_tx() as tx:
        row = await tx.fetchrow(_OVERVIEW, tenant.project_id, today.date(), now_ms())
        top_code = await tx.fetchval(_TOP_CODE, tenant.project_id, today, TOP_CODE_OF_LATEST)
    assert row is not None
    return answer(
        200,
        Overview(
            date=today.date().isoformat(),
            active_campaigns=row["active_campaigns"],
            redemptions_today=row["redemptions_today"],
            rollbacks_today=row["rollbacks_today"],
            discount_today=to_major(row["discount_today_minor"], tenant.decimals),
            top_code=top_code,
            currency=tenant.currency,
        ),
    )
