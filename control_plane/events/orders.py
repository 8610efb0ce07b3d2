"""Orders that were paid and refunded, and the points that go back with a refund: in proportion, to the point.

Must never forget a refund: what came before the payment is taken back with it.
"""

import msgspec

from control_plane.calls import Call
from control_plane.events.reading import Reported
from control_plane.events.schemas import TakenBackView
from control_plane.loyalty_cards.posting import Cause, stage_card, take_back_points
from domain.loyalty import taken_back
from store.database import Transaction
from store.queries import query

_ENSURE = query("control_ensure_order")
_LOCK = query("control_lock_order")
_UPDATE = query("control_update_order")
_LOCK_CARDS = query("control_lock_cards_of_customer")
_POINTS = query("control_points_of_source")
_MOST_MINOR = 2**53 - 1


class OrderState(msgspec.Struct, frozen=True):
    """What is known of an order: `total_minor` None until it is paid; `is_refunded` where the whole was."""

    customer_id: str | None
    event_id: str | None
    total_minor: int | None
    refunded_minor: int
    is_refunded: bool

    @classmethod
    async def load(cls, tx: Transaction, project_id: str, order_id: str) -> "OrderState":
        """The order, which must be there; locked until the transaction ends."""
        return msgspec.convert(dict(await tx.fetchrow(_LOCK, project_id, order_id) or {}), cls)

    def refunded(self, amount_minor: int | None) -> "OrderState":
        """With so much more of it refunded; None: the whole."""
        if amount_minor is None:
            return msgspec.structs.replace(self, is_refunded=True)
        return msgspec.structs.replace(self, refunded_minor=min(_MOST_MINOR, self.refunded_minor + amount_minor))

    def share(self, points: int) -> int:
        """How many of its points have to be taken back as it stands."""
        return taken_back(points, self.total_minor or 0, self.refunded_minor, self.is_refunded)


async def lock_order(tx: Transaction, call: Call, event: Reported) -> OrderState:
    """The event's order, made blank where it was not known, locked until the transaction ends."""
    name = (call.tenant.project_id, event.order_id)
    await tx.execute(_ENSURE, *name)
    return await OrderState.load(tx, call.tenant.project_id, event.order_id or "")


async def store_order(tx: Transaction, call: Call, event: Reported, order: OrderState) -> None:
    """Keep what is known of it now."""
    await tx.execute(_UPDATE, call.tenant.project_id, event.order_id, *msgspec.structs.astuple(order))


async def take_back(
    tx: Transaction, call: Call, source: str, before: OrderState, after: OrderState
) -> list[TakenBackView]:
    """Take back what the difference comes to, of each card that has earned by the order; staged already."""
    if after.total_minor is None:
        return []
    tenant, views = call.tenant, []
    await tx.execute(_LOCK_CARDS, tenant.project_id, after.customer_id)
    for row in await tx.fetch(_POINTS, tenant.project_id, after.customer_id, source):
        points = after.share(row["points"]) - before.share(row["points"])
        if points <= 0:
            continue
        cause = Cause(source, "order.refunded")
        taken = await take_back_points(tx, tenant.project_id, row["id"], points, row["expires_ms"], cause)
        await stage_card(tx, tenant.shard, tenant.project_id, row["id"], taken.version)
        views.append(TakenBackView(row["code"], row["id"], row["program_id"], taken.taken, points - taken.taken))
    return views
