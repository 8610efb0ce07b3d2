"""From attempts to orders: what one Idempotency-Key certainly used, and what it may have used, and when.

Certain is what counts against a limit; possible is what may excuse a refusal. Must never take an unknown outcome for
either of the two.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from tests.chaos.history import Call, Evidence, Loss, Row

NEVER = float("inf")
FAST_RISK_S = 2.0
"""What AOF everysec puts at risk when Redis dies."""

HANDS_IN_S = 20.0
"""How long after a loss a worker may still not have handed in what it holds: every other fault is shorter."""

NOTICED_S = 1.0
STRAGGLES_S = 6.0
"""How long after a loss was noted Redis may have answered from what was then lost: until it was really gone, and, after
a failover, as long as a worker that has not heard of it may hold its lease."""


class Order:
    """All attempts with one key of one tenant, with the rollbacks of what they redeemed, and the ledger's row."""

    def __init__(self, attempts: list[Call], rollbacks: list[Call], row: Row | None, in_quarantine: bool) -> None:
        self.attempts = sorted(attempts, key=lambda call: call.asked_at)
        self.rollbacks = rollbacks
        self.row = row
        self.in_quarantine = in_quarantine
        self.call = self.attempts[0]
        self.key = (self.call.tenant, self.call.key)
        self.lost = False

    @cached_property
    def acknowledgements(self) -> list[Call]:
        return sorted((call for call in self.attempts if call.status == 200), key=lambda call: call.answered_at)

    @cached_property
    def acknowledged_at(self) -> float:
        return self.acknowledgements[0].answered_at if self.acknowledgements else NEVER

    @property
    def was_granted_anew(self) -> bool:
        """Whether its answers differ: the first grant was gone when the key came again."""
        return len({call.body for call in self.acknowledgements}) > 1

    @property
    def is_settled(self) -> bool:
        """Whether the ledger or the quarantine has it."""
        return self.row is not None or self.in_quarantine

    def certain_until(self, released_at: tuple[float, ...]) -> float:
        """Until when it certainly uses what it was acknowledged for: until a rollback is asked that may have taken
        effect, or an operator has written off what was lost."""
        end = NEVER
        if self.lost:
            end = min((at for at in released_at if at > self.acknowledged_at), default=NEVER)
        if self.row is not None and not self.row.rolled_back:
            return end
        return min([end, *(call.asked_at for call in self.rollbacks)])

    @cached_property
    def possible(self) -> tuple[float, float] | None:
        """From when until when it may use a unit; None where it certainly never did."""
        may = [call.asked_at for call in self.attempts if call.status == 200 or call.is_unknown]
        if not may:
            transient = [call for call in self.attempts if call.code == "ledger_refused"]
            if self.is_settled:
                return self.call.asked_at, NEVER
            return (transient[0].asked_at, transient[-1].answered_at) if transient else None
        start = min(may)
        if self.acknowledgements or self.is_settled:
            return start, min((call.answered_at for call in self.rollbacks if call.status == 200), default=NEVER)
        # A granted key is always answered with its grant: what was refused later has not been granted before.
        last = self.attempts[-1]
        return start, (NEVER if last.is_unknown else last.answered_at)


def orders_of(evidence: Evidence) -> list[Order]:
    """Every order of the run; those that were lost as their class allows are marked so."""
    attempts: defaultdict[tuple[int, str], list[Call]] = defaultdict(list)
    rollbacks: defaultdict[str, list[Call]] = defaultdict(list)
    for call in evidence.calls:
        if call.verb == "redeem":
            attempts[call.tenant, call.key].append(call)
        elif call.verb == "rollback":
            rollbacks[call.target].append(call)
    rows = {(row.project_id, row.key): row for row in evidence.facts.rows if row.key is not None}
    waiting = {(entry.project_id, entry.redemption_id) for entry in evidence.facts.quarantine if entry.status == "open"}
    orders = []
    committed = {offer.campaign_id for offer in evidence.offers if offer.committed}
    for (tenant, key), calls in attempts.items():
        project = evidence.tenants[tenant].project_id
        ids = {id_of(call) for call in calls if call.status == 200}
        order = Order(
            calls,
            [call for id_ in ids for call in rollbacks[id_]],
            rows.get((project, key)),
            any((project, id_) in waiting for id_ in ids),
        )
        vanished = bool(ids) and not order.is_settled
        is_committed = order.call.campaign_id in committed
        order.lost = (vanished or order.was_granted_anew) and may_be_lost(order, evidence, is_committed)
        orders.append(order)
    return orders


def id_of(call: Call) -> str:
    """The redemption that a 200 names; '' where it names none."""
    _, _, rest = call.body.partition(b'"id":"')
    return rest.partition(b'"')[0].decode()


def may_be_lost(order: Order, evidence: Evidence, is_committed: bool) -> bool:
    """Whether its class allows that it is lost: Redis's data *and* every worker that answered it must be gone."""
    if is_committed:
        return False
    first = order.acknowledgements[0]
    # After a loss the same key is granted anew, with another time in its body: that is another answer's worker.
    same = [call for call in order.acknowledgements if call.body == first.body]
    lost_at = _redis_lost_at(order, evidence)
    return lost_at is not None and all(_engine_lost(call, evidence.losses, lost_at) for call in same)


def _redis_lost_at(order: Order, evidence: Evidence) -> float | None:
    """When Redis first lost data that may have held the order. What survived that recovery is in PostgreSQL."""
    asked_at, answered_at = order.acknowledgements[0].asked_at, order.acknowledged_at
    times = []
    for loss in evidence.losses:
        until = loss.at + (STRAGGLES_S if loss.kind == "stale" else NOTICED_S)
        crashed = loss.kind == "crash" and evidence.setting.durability == "fast"
        if (loss.kind in ("disk", "stale") and until >= asked_at) or (
            crashed and asked_at <= loss.at <= answered_at + FAST_RISK_S
        ):
            times.append(loss.at)
    return min(times, default=None)


def _engine_lost(call: Call, losses: Iterable[Loss], redis_lost_at: float) -> bool:
    """Whether the worker died with the answer: after it gave it, and before it can have handed it in."""
    name = f"engine-{call.engine + 1}"
    until = redis_lost_at + HANDS_IN_S
    return any(loss.kind == "engine" and loss.name == name and call.asked_at <= loss.at <= until for loss in losses)
