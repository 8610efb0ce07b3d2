"""Before an answer is sent: kept in the ring until the ledger has it, or held back until then.

Owns what the durability class of an answer means. Must never let an answer out that neither the ring nor the ledger
has.
"""

import time
from collections.abc import Awaitable, Callable

from domain.ledger import Position
from domain.outcomes import PROBLEMS
from domain.problems import Refused
from store.rings import Answer

from .shard import ServedShard
from .waiting import Settled, Word
from .worker import Worker

DEADLINE_S = 3.0
"""How long a request may wait for the ledger (a `committed` grant, unconfirmed units) before it is answered 503."""


MAX_EVENT_BYTES = 200_000
"""What the ledger's rows take, with room to spare: a greater event could be granted and not be stored."""


def too_large() -> Refused:
    """An event that the ledger would not take: rules and an order's items are kept with it."""
    return Refused("body_too_large", "the order and the rules of its redeemables are more than one event keeps")


def expect_reconciler(worker: Worker, served: ServedShard) -> None:
    """Refused where nobody would confirm what is `committed`: asked before the script runs."""
    if not worker.listener.shard(served.shard.epoch.shard).is_heard():
        raise Refused("ledger_lagging", "the ledger is not heard: nothing that waits for it is granted")


async def wait_for_ledger(
    worker: Worker, served: ServedShard, position: Position, event_id: str, deadline: float
) -> Word:
    """Wait for the ledger until the deadline; Refused where it is silent. `event_id` '': only the position matters."""
    left = deadline - time.monotonic()
    waiters = worker.listener.shard(served.shard.epoch.shard)
    if left <= 0 or not waiters.is_heard():
        raise Refused("outcome_pending" if event_id else "ledger_lagging", "the ledger is not heard")
    return await waiters.wait(served.epoch, position, event_id, left)


async def acknowledge(
    worker: Worker,
    served: ServedShard,
    answer: Answer,
    event_id: str,
    committed: bool,
    in_ledger: Callable[[], Awaitable[object | None]],
) -> None:
    """Keep the answer, or wait for the ledger's word; what was not heard is looked up by `in_ledger`."""
    if not committed:
        served.answer(answer)
        return
    if answer.position == Position():  # restored from the ledger
        return
    settled, reason = await wait_for_ledger(worker, served, answer.position, event_id, time.monotonic() + DEADLINE_S)
    if settled is Settled.REFUSED:
        # What a card or a referral was refused for is an outcome of its own; the others are the ledger's business.
        raise Refused(reason if reason in PROBLEMS else "ledger_refused")
    if settled is Settled.UNKNOWN and await in_ledger() is None:
        raise Refused("outcome_pending")
