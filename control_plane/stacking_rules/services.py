"""What is done with stacking rules: read, and put as a whole."""

from functools import partial
from typing import Any

import msgspec
from litestar import Response
from msgspec import UNSET

from control_plane.calls import Call
from control_plane.effects import Change, Outcome, answer, perform
from control_plane.rules.times import show_time
from control_plane.shop_ids import once_each
from control_plane.stacking_rules.schemas import StackingRulesPut, StackingRulesView
from control_plane.stacking_rules.storing import StoredSettings, load_settings, lock_settings, store_settings
from domain.definitions import ProjectSettings
from store.database import Transaction

_LABELS = ("exclusive_categories", "joint_categories", "category_order")
_PLAIN = ("percent_of", "no_effect", "once_per_order", "request_attributes")


async def get_stacking_rules(call: Call) -> Response[bytes]:
    """GET /v1/stacking-rules"""
    call.query().done()
    async with call.open_tx() as tx:
        stored = await load_settings(tx, call.tenant.project_id)
    return answer(200, _show(stored))


async def put_stacking_rules(call: Call) -> Response[bytes]:
    """PUT /v1/stacking-rules"""
    body = call.body(StackingRulesPut)
    wish = _wish(body)
    for i, category in enumerate(wish.get("joint_categories", ())):
        if category in wish.get("exclusive_categories", ()):
            call.errors.add(f"/joint_categories/{i}", "is exclusive, too: it cannot be both")
    call.errors.raise_if_any()
    return await perform(call, partial(_put, call, wish))


def _wish(body: StackingRulesPut) -> dict[str, Any]:
    """The body by the names of the settings."""
    wish: dict[str, Any] = {name: once_each(getattr(body, name)) for name in _LABELS}
    wish |= {name: getattr(body, name) for name in _PLAIN}
    wish |= {"mode": body.application_mode, "most_applied": body.max_applied}
    return {name: value for name, value in wish.items() if value is not UNSET}


async def _put(call: Call, wish: dict[str, Any], tx: Transaction) -> Outcome:
    project_id = call.tenant.project_id
    stored, made = await lock_settings(tx, project_id)
    before = stored.settings
    # What is not a stacking rule stays: from when on orders are counted.
    after = ProjectSettings(project_id, before.version, orders_counted_since=before.orders_counted_since)
    after = msgspec.structs.replace(after, **wish)
    # Redis is told also where nothing changes: an earlier change may be pending, and 200 says that it is in force.
    if after != before or made:
        stored = await store_settings(tx, call, before, after, made)
    return Outcome(200, _show(stored), Change("settings", project_id))


def _show(stored: StoredSettings) -> StackingRulesView:
    settings, updated_at = stored.settings, stored.updated_at
    return StackingRulesView(
        object="stacking_rules",
        application_mode=settings.mode,
        max_applied=settings.most_applied,
        exclusive_categories=list(settings.exclusive_categories),
        joint_categories=list(settings.joint_categories),
        category_order=list(settings.category_order),
        percent_of=settings.percent_of,
        no_effect=settings.no_effect,
        once_per_order=settings.once_per_order,
        request_attributes=settings.request_attributes,
        version=settings.version,
        updated_at=None if updated_at is None else show_time(updated_at),
    )
