"""What tests of imports and exports have in common: files sent, actions worked off and read."""

from typing import Any

from control_plane.context import Context
from control_plane.jobs import worker
from tests.control_plane.client import Client, ok


async def send(api: Client, path: str, file: str | bytes, content_type: str = "text/csv", **headers: str) -> str:
    """Send a file; the action's id."""
    raw = file.encode() if isinstance(file, str) else file
    answer = await api.post(path, raw, headers={"Content-Type": content_type, **headers})
    action_id: str = ok(answer, 202)["async_action_id"]
    return action_id


async def action(api: Client, action_id: str) -> dict[str, Any]:
    """The action as it is."""
    return ok(await api.get(f"/v1/async-actions/{action_id}"))


async def worked_off(api: Client, context: Context, action_id: str) -> dict[str, Any]:
    """The action when all is worked off."""
    await worker.work_off(context)
    return await action(api, action_id)


def counts(shown: dict[str, Any]) -> tuple[str, int, int, int]:
    """How an action stands: status, total, done, failed."""
    return shown["status"], shown["total_count"], shown["done_count"], shown["failed_count"]
