"""The account of whoever asks."""

from litestar import Response

from control_plane.accounts.schemas import AccountView
from control_plane.calls import AccountCall
from control_plane.effects import answer
from control_plane.rules.times import show_time
from store.queries import query

_GET = query("control_account")


async def get_account(call: AccountCall) -> Response[bytes]:
    """GET /v1/account"""
    call.query().done()
    async with call.open_tx() as tx:
        row = await tx.fetchrow(_GET, call.account_id)
    assert row is not None, "a key has an account"
    created_at = show_time(row["created_at"])
    return answer(200, AccountView(row["id"], "account", row["name"], row["plan"], row["status"], created_at))
