"""One checkout on its way: found, decided, submitted, and decided again where something has changed.

What redeem, validate and reserve share. The decision is domain/'s, the commitment is Lua's; this is the conversation
between them. Must never grant by itself.
"""

import time
from collections.abc import Callable, Sequence

from domain.decisions import Balance, Decision, Found, Surroundings, Wanted, decide
from domain.definitions import ProjectSettings, customer_key, settings_key, tier_key, voucher_key
from domain.ids import is_code, session_tag
from domain.ledger import Item, Move
from domain.orders import Customer
from domain.outcomes import Verdict
from domain.problems import Refused
from domain.spending import counters_read
from domain.stacking import not_found
from domain.stacks import decide_stack
from store.ledger_cards import is_of_a_card

from .acknowledging import DEADLINE_S, wait_for_ledger
from .auth import Tenant
from .balances import read_balances
from .committer import Committed
from .orders import Asked
from .referring import Referred, standing
from .requests import invalid
from .shard import ServedShard
from .showing import is_absent, is_as_asked, shown
from .things import NOTHING, things_of
from .worker import Worker

ATTEMPTS = 10
STAGES = 7
"""How often what has been read may name more to be read: code, campaign, rules, customer and SKUs, products."""

_COUNTERS = ("r:", "b:", "u:", "o:", "t:", "a:", "y:")


class Attempt:
    """One checkout on its way: what does not change however often it is decided."""

    __slots__ = (
        *("_balances", "_overdrawn", "_settings", "asked", "client", "deadline", "found", "is_alone", "keys"),
        *("project_id", "referred", "refused", "request", "served", "tag", "tenant", "wanted", "worker"),
    )

    def __init__(self, worker: Worker, tenant: Tenant, served: ServedShard, asked: Asked, client: str) -> None:
        self.worker = worker
        self.tenant = tenant
        self.project_id = tenant.project_id
        self.served = served
        self.asked = asked
        self.client = client
        self.request = asked.request
        self.wanted = asked.wanted
        self.keys = [_key_of(tenant.project_id, each) for each in asked.wanted]
        self.is_alone = len(asked.wanted) == 1
        self.found: list[Found] = []
        """What the last decision was made from."""
        self.tag = session_tag(tenant.project_id, asked.session) if asked.session else ""
        """Whose holds are its own: those of its session, or else, where they stand in the way, of its order."""
        self.refused: dict[int, str] = {}
        self.referred: dict[int, Referred] | None = None
        self._settings: ProjectSettings | None = None
        self._balances: dict[str, Balance] | None = None
        self._overdrawn: tuple[Move, ...] = ()
        self.deadline = time.monotonic() + DEADLINE_S

    async def run(self, item_of: Callable[[Decision], Item]) -> tuple[Decision, Committed]:
        """Decide and submit until what was decided from holds; in PARTIAL mode without those that a limit refuses."""
        for _ in range(ATTEMPTS + len(self.wanted)):
            self.found = self._at_hand()
            if not self.found:
                self.found = await self.find()
                await self._look_around(self.found)
            decision = self.decide(self.found)
            said = await self.served.submit(item_of(decision))
            verdict = said.outcome.verdict
            if verdict is Verdict.GRANTED:
                return decision, said
            if verdict in (Verdict.STALE, Verdict.MISSING, Verdict.UNCONFIRMED):
                await self._again(said)
            elif not (
                self._looks_again(decision, said) or self._uses_hold_of_order(said) or self._drops(decision, said)
            ):
                return decision, said
        raise Refused("contended")

    # -- what is read ----------------------------------------------------------------------------------------------

    @property
    def settings(self) -> ProjectSettings:
        """The project's settings, as find() has read them."""
        if self._settings is None:  # dropped from the cache in between
            raise Refused("contended")
        return self._settings

    def _at_hand(self) -> list[Found]:
        """What find() would say of one code where nothing needs to be read; else nothing. Nearly always so in a sale,
        where what is spared here is seen."""
        if not self.is_alone:
            return []
        found = self.served.catalog.known(self.project_id, self.keys[0])
        if found is None or not found.is_at_hand or not is_as_asked(found, self.wanted[0]):
            return []
        self._settings = self.served.catalog.settings(self.project_id)
        return [found] if self._settings is not None else []

    async def find(self) -> list[Found]:
        """What the codes lead to, with all that the decision will read beside them; guessing is limited."""
        catalog, project_id = self.served.catalog, self.project_id
        found = [catalog.known(project_id, key) for key in self.keys]
        strange = any(each is None or is_absent(each, self.tenant) for each in found)
        if strange:
            self._expect_guess()
        for _ in range(STAGES):
            lacking = self._lacking(found)
            if not lacking:
                break
            await catalog.load(project_id, dict.fromkeys(lacking))
            found = [catalog.known(project_id, key) for key in self.keys]
        self._settings = catalog.settings(project_id)
        known = [each for each in found if each is not None]
        if len(known) < len(found):
            raise Refused("contended")
        if strange and self._limits_guesses:
            for each in known:
                if is_absent(each, self.tenant):
                    self.worker.guessing.missed((self.tenant.key_id, self.client))
        return [shown(each, wanted, self.tenant) for each, wanted in zip(known, self.wanted, strict=True)]

    async def _look_around(self, found: Sequence[Found]) -> None:
        """What the counters of cards look like now; whether one customer can refer another."""
        counters: list[str] = []
        for number, each in enumerate(found):
            if each.is_card:
                counters += counters_read(each, self.wanted[number])
            elif each.is_referral and not self.tenant.publishable:
                await self._ask_who_refers(number, each)
        if counters:
            self._balances = await read_balances(self.served, self.project_id, counters, self.tag)

    async def _ask_who_refers(self, number: int, found: Found) -> None:
        """Once: the ledger has the last word anyway."""
        asked = self.referred = self.referred if self.referred is not None else {}
        if number not in asked:
            asked[number] = await standing(self.worker, self.tenant, found, self.request)
            refusal = asked[number].refusal
            if refusal is not None:
                self.refused[number] = refusal

    def _lacking(self, found: Sequence[Found | None]) -> list[str]:
        """The keys of what is not known here yet."""
        catalog, project_id = self.served.catalog, self.project_id
        lacking = [] if catalog.settings(project_id) is not None else [settings_key(project_id)]
        for key, each in zip(self.keys, found, strict=True):
            if each is None:
                lacking += catalog.lacking(key)
                continue
            if each.needs_customer:
                customer_id = self.request.customer_id
                if customer_id is not None and catalog.customer(project_id, customer_id) is None:
                    lacking.append(customer_key(project_id, customer_id))
            if each.needs_products:
                things = things_of(self.request.order, catalog, project_id)
                lacking += things.lacking
        return lacking

    @property
    def _limits_guesses(self) -> bool:
        return self.tenant.plan != "unlimited"

    def _expect_guess(self) -> None:
        wanted = self.wanted[0]
        if self.is_alone and wanted.object != "promotion_tier" and not is_code(wanted.name):
            raise Refused(not_found(wanted))
        if self._limits_guesses and not self.worker.guessing.may_ask((self.tenant.key_id, self.client)):
            raise Refused("rate_limited", "too many unknown codes")

    # -- what is decided -------------------------------------------------------------------------------------------

    def decide(self, found: Sequence[Found]) -> Decision:
        """The pure decision; an unknown code is refused under the project's change number."""
        settings, now_ms, epoch = self.settings, self.served.now_ms(), self.served.epoch
        if self.is_alone and self.request.order is None:
            one = found[0]
            if one.redeemable is None:
                assert one.absent is not None, "an unknown code has its check"
                return Decision(not_found(self.wanted[0]), (one.absent,))
            if one.is_plain:
                return decide(one.redeemable, one.campaign, self.request, settings, now_ms, epoch, one.plan)
        if self.asked.states_customer and (self.tenant.publishable or not settings.request_attributes):
            raise invalid("/customer", "the project takes segments and metadata of customers from /v1/customers only")
        return decide_stack(found, self.request, self._around(found, settings), now_ms, epoch, self.refused)

    def _around(self, found: Sequence[Found], settings: ProjectSettings) -> Surroundings:
        catalog, tenant = self.served.catalog, self.tenant
        customer: Customer | None = None
        things = NOTHING
        if self.request.customer_id is not None and any(each.needs_customer for each in found):
            customer = catalog.customer(self.project_id, self.request.customer_id)
        if any(each.needs_products for each in found):
            things = things_of(self.request.order, catalog, self.project_id)
        return Surroundings(
            *(settings, customer, things.products, tenant.currency, tenant.decimals, tenant.key_id),
            self._balances or {},
            things.skus,
        )

    def _looks_again(self, decision: Decision, said: Committed) -> bool:
        """Whether a card has changed since it was looked at, so that another amount, or other lots, might do. Refused
        twice for the same, it is refused."""
        verdict, index = said.outcome.verdict, said.outcome.index
        if not self._balances or verdict not in (Verdict.LIMIT, Verdict.HELD, Verdict.GUARD):
            return False
        if verdict is Verdict.GUARD:
            return is_of_a_card(decision.guards[index].counter)
        if not is_of_a_card(decision.moves[index].counter) or self._overdrawn == decision.moves:
            return False
        self._overdrawn = decision.moves
        return True

    def _uses_hold_of_order(self, said: Committed) -> bool:
        """Whether what is held may be the order's own, so that it is asked again as the one who holds."""
        order = self.request.order
        if said.outcome.verdict is not Verdict.HELD or self.tag or order is None or order.id is None:
            return False
        self.tag = session_tag(self.project_id, order.id)
        return True

    def _drops(self, decision: Decision, said: Committed) -> bool:
        """Whether one redeemable is left out now, because only it is refused and the project takes the others."""
        if self.is_alone or self.settings.mode != "PARTIAL":
            return False
        blamed = blame(decision, said)
        if blamed is None:
            return False
        owner, code = blamed
        self.refused[owner] = code
        return True

    async def _again(self, said: Committed) -> None:
        """Bring up to date what the script missed, so that the next decision can hold."""
        self.worker.metrics.decided_again += 1
        outcome, catalog = said.outcome, self.served.catalog
        if outcome.verdict is Verdict.UNCONFIRMED:
            await wait_for_ledger(self.worker, self.served, said.last, "", self.deadline)
            return
        counters = [name for name in outcome.missing if name[:2] in _COUNTERS]
        definitions = [name for name in outcome.missing if name[:2] not in _COUNTERS]
        if counters:
            await catalog.hydrate_counters(self.project_id, counters)
        if definitions:
            catalog.forget(definitions)
            # Read anew what Redis has or has not; a code that the change number spoke of is found by find().
            await catalog.load(self.project_id, [name for name in definitions if name[:2] != "n:"])


def _key_of(project_id: str, wanted: Wanted) -> str:
    return (tier_key if wanted.object == "promotion_tier" else voucher_key)(project_id, wanted.name)


def blame(decision: Decision, said: Committed) -> tuple[int, str] | None:
    """The redeemable that a limit or a guard has refused, and the outcome code; None where it was something else."""
    verdict, index = said.outcome.verdict, said.outcome.index
    if verdict is Verdict.LIMIT:
        return (decision.owners[index] if decision.owners else 0), decision.refusals[index]
    if verdict is Verdict.HELD:
        return (decision.owners[index] if decision.owners else 0), "limit_held"
    if verdict is Verdict.GUARD:
        return decision.guard_owners[index], "rule_not_met"
    if verdict is Verdict.HOLD_TAKEN:
        return (decision.owners[index] if decision.owners else 0), "session_holds"
    return None
