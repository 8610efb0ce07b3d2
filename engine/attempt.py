"""One request for a code on its way: found, decided, submitted, and decided again where something has changed.

What redeem and validate share. The decision is domain/'s, the commitment is Lua's; this is the conversation between
them. Must never grant by itself.
"""

import time

from domain.decisions import Decision, decide
from domain.ids import is_code, normalise_code
from domain.ledger import Position
from domain.outcomes import Verdict
from domain.problems import Refused

from .auth import Tenant
from .catalog import Found
from .committer import Committed
from .requests import Call, decode_order
from .shard import ServedShard
from .waiting import Settled
from .worker import Worker

ATTEMPTS = 10
DEADLINE_S = 3.0
"""How long a request may wait for the ledger (a `committed` grant, unconfirmed units) before it is answered 503."""

_BY_VERDICT = {
    Verdict.HELD: "limit_held",
    Verdict.WITHHELD: "recovering",
    Verdict.WINDOW: "ledger_lagging",
    Verdict.BACKLOG: "ledger_lagging",
    Verdict.GUARD: "contended",
}


class Attempt:
    """One request on its way: what does not change however often it is decided."""

    def __init__(self, worker: Worker, tenant: Tenant, served: ServedShard, call: Call, code: str) -> None:
        self.worker = worker
        self.tenant = tenant
        self.project_id = tenant.project_id
        self.served = served
        self.call = call
        self.code = normalise_code(code)
        self.order = decode_order(call.body, tenant.currency, tenant.decimals)
        self.deadline = time.monotonic() + DEADLINE_S

    async def find(self) -> Found:
        """What the code leads to; guessing is limited."""
        catalog = self.served.catalog
        found = catalog.known(self.project_id, self.code)
        if found is not None and found.voucher is not None:
            return found
        if not is_code(self.code):
            raise Refused("voucher_not_found")
        guesser = (self.tenant.key_id, self.call.client)
        limited = self.tenant.plan != "unlimited"
        if limited and not self.worker.guessing.may_ask(guesser):
            raise Refused("rate_limited", "too many unknown codes")
        found = found or await catalog.find(self.project_id, self.code)
        if found.voucher is None and limited:
            self.worker.guessing.missed(guesser)
        return found

    def decide(self, found: Found) -> Decision:
        """The pure decision; an unknown code is refused under the project's change number."""
        if found.voucher is None:
            assert found.absent is not None, "an unknown code has its check"
            return Decision("voucher_not_found", (found.absent,))
        return decide(found.voucher, found.campaign, self.order, self.served.now_ms(), self.served.epoch)

    async def again(self, said: Committed) -> None:
        """Bring up to date what the script missed, so that the next decision can hold."""
        self.worker.metrics.decided_again += 1
        outcome, catalog = said.outcome, self.served.catalog
        if outcome.verdict is Verdict.UNCONFIRMED:
            await self.wait(said.last, "")
            return
        counters = [name for name in outcome.missing if name[:2] in ("r:", "b:", "u:")]
        for name in counters:
            await catalog.hydrate_counter(self.project_id, name)
        if len(counters) < len(outcome.missing):
            catalog.forget(outcome.missing)
            await catalog.load(self.project_id, self.code)

    async def wait(self, position: Position, event_id: str) -> Settled:
        """Wait for the ledger, as long as the deadline allows; Refused `ledger_lagging` where it is silent."""
        left = self.deadline - time.monotonic()
        waiters = self.worker.listener.shard(self.served.shard.epoch.shard)
        if left <= 0 or not waiters.is_heard():
            raise Refused("outcome_pending" if event_id else "ledger_lagging", "the ledger is not heard")
        return await waiters.wait(self.served.epoch, position, event_id, left)


def must_decide_again(said: Committed) -> bool:
    """Whether what the decision was made from has changed, is not in Redis yet, or waits for the ledger."""
    return said.outcome.verdict in (Verdict.STALE, Verdict.MISSING, Verdict.UNCONFIRMED)


def refusal(decision: Decision, said: Committed) -> Refused:
    """Why the script, or the decision that stands, refuses."""
    verdict = said.outcome.verdict
    if verdict is Verdict.STANDS:
        assert decision.refusal is not None, "only a refusal stands"
        return Refused(decision.refusal)
    if verdict is Verdict.LIMIT:
        return Refused(decision.refusals[said.outcome.index])
    if verdict is Verdict.KEY_REUSED:
        return Refused("idempotency_key_reused")
    return Refused(_BY_VERDICT[verdict])
