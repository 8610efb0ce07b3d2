"""A shop in one process: the real decisions and quotes, the model for the commit, a plain ledger behind it.

Does what the engine and the reconciler do, without their stores; whatever it is told to do, the state it leaves must
hold what test_conservation.py says.
"""

import msgspec

from domain.conditions import compile_rule
from domain.decisions import Balance, Decision, Request, Surroundings, Wanted
from domain.definitions import BUDGET_WINDOW_MINOR, UNLIMITED, Campaign, Lot, ProjectSettings, balance_counter
from domain.events import Hold, Line, OrderPart, Redeemed, Released, Reserved, RolledBack, decode, encode
from domain.ids import order_key, session_tag
from domain.ledger import CounterState, HoldUse, Item, Mode, Move, Outcome, Position, Settlement
from domain.model import Model
from domain.orders import Customer, Order
from domain.outcomes import Status, Verdict
from domain.returns import Quote
from domain.spending import counters_read
from domain.stacks import decide_stack
from tests.domain import shelf

PLENTY = 10**6
CHANGE = f"n:{shelf.PROJECT}"


class Sale(msgspec.Struct):
    """A redemption as the ledger has it."""

    event: Redeemed
    rollbacks: list[RolledBack]

    @property
    def is_open(self) -> bool:
        return not (self.rollbacks and self.rollbacks[-1].is_whole)


class Shop:
    """One project's shop. `asked` counts what was asked of it, which is where ids come from."""

    def __init__(self, settings: ProjectSettings) -> None:
        self.settings = settings
        self.model = Model()
        self.model.open(False, PLENTY)
        self.now_ms = shelf.START_MS
        self.asked = 0
        self.campaigns: dict[str, Campaign] = {**shelf.CAMPAIGNS, "lty_stars": shelf.PROGRAM}
        self.cards = dict(shelf.CARDS)
        self.funded_minor = shelf.FUNDED_MINOR
        self.sales: dict[str, Sale] = {}
        self.reservations: dict[str, tuple[Reserved, Request, tuple[str, ...]]] = {}

    # -- asking ----------------------------------------------------------------------------------------------------

    def decide(self, codes: tuple[str, ...], request: Request, refused: dict[int, str], tag: str = "") -> Decision:
        customer = Customer(request.customer_id) if request.customer_id is not None else None
        found = [shelf.found(code, self.campaigns, self.cards) for code in codes]
        balances = {}
        for each, wanted in zip(found, request.wanted, strict=False):
            for name in counters_read(each, wanted):
                balances[name] = self._balance(name, tag)
        around = Surroundings(self.settings, customer, balances=balances)
        return decide_stack(found, request, around, self.now_ms, 1, refused)

    def _balance(self, name: str, tag: str) -> Balance:
        state = self.model.counters.get(name)
        if state is None:
            self._hydrate((name,))
            state = self.model.counters[name]
        own = sum(hold.amount for hold in state.holds if hold.tag == tag)
        return Balance(state.limit, state.used, state.held - own)

    def top_up(self, amount_minor: int) -> None:
        """The three steps, of which Redis' is the one that counts here."""
        card = self.cards["CARD"]
        self.cards["CARD"] = card = msgspec.structs.replace(card, version=card.version + 1)
        self.funded_minor += amount_minor
        self.model.apply(CHANGE, None, [(balance_counter(card.id), self.funded_minor)], card.version, False)

    def earn(self, lot: int, points: int, pending_ms: int) -> None:
        card = self.cards["STAR"]
        lots = list(card.lots)
        steps = (*lots[lot].steps, (self.now_ms + pending_ms, points))
        lots[lot] = Lot(lots[lot].expires_ms, steps)
        self.cards["STAR"] = msgspec.structs.replace(card, version=card.version + 1, lots=tuple(lots))

    def _hydrate(self, names: tuple[str, ...]) -> None:
        funded = CounterState(self.funded_minor, version=self.cards["CARD"].version)
        blank = [(name, funded if name.startswith("a:") else CounterState()) for name in names]
        change = self.model.changes.get(CHANGE, 0)
        assert self.model.hydrate(CHANGE, change, Position(), [], blank) is Status.OK

    def submit(self, item: Item) -> Outcome:
        """Have it judged; what the commit waits for is brought."""
        for _ in range(4):
            self.asked += 1
            outcome = self.model.commit([item], self.now_ms, Position(self.asked, 0)).outcomes[0]
            if outcome.verdict is Verdict.MISSING:
                self._hydrate(outcome.missing)
            elif outcome.verdict is Verdict.UNCONFIRMED:
                self.settle()
            else:
                return outcome
        raise AssertionError("it never ends")

    def attempt(
        self, mode: Mode, id_: str, codes: tuple[str, ...], request: Request, hold: HoldUse | None = None
    ) -> tuple[Decision, Outcome | None]:
        """Decide and submit; in PARTIAL mode without those that a limit refuses. No outcome: Python refused."""
        refused: dict[int, str] = {}
        before: tuple[Move, ...] = ()
        while True:
            decision = self.decide(codes, request, refused, hold.tag if hold is not None else "")
            if decision.refusal is not None:
                return decision, None
            alias = None
            if mode is Mode.COMMIT and self.settings.once_per_order and request.order and request.order.id:
                alias = f"o:{order_key(shelf.PROJECT, request.order.id, codes).hex()}"
            event = self._event(id_, decision, request, codes, alias, hold, mode)
            payload = encode(event)
            asked = Item(mode, id_, payload=payload, guards=decision.guards, moves=decision.moves)
            outcome = self.submit(msgspec.structs.replace(asked, alias=alias, hold=hold))
            if before != decision.moves and _of_card(decision, outcome):
                before = decision.moves
                continue
            owner = _blamed(decision, outcome)
            if owner is None or len(codes) == 1 or self.settings.mode == "ALL":
                return decision, outcome
            assert owner not in refused, "who is dropped stays so"
            refused[owner] = "limit_reached"

    def _event(
        self,
        id_: str,
        decision: Decision,
        request: Request,
        codes: tuple[str, ...],
        alias: str | None,
        hold: HoldUse | None,
        mode: Mode,
    ) -> Redeemed | Reserved:
        if mode is Mode.HOLD:
            assert hold is not None, "a hold has a session"
            return Reserved(
                *(id_, "acc", shelf.PROJECT, b"", None, "cart", hold.tag),
                expires_ms=hold.until_ms,
                currency="EUR",
                decimals=2,
                order_value_minor=decision.order_value_minor,
                discount_minor=decision.discount_minor,
                committed=False,
                request=b"",
                lines=decision.lines,
            )
        key = bytes.fromhex(alias[2:]) if alias else b""
        return Redeemed(
            *(id_, "acc", shelf.PROJECT, b"", None, request.customer_id, "EUR", 2),
            order_value_minor=decision.order_value_minor,
            discount_minor=decision.discount_minor,
            committed=False,
            lines=decision.lines,
            order=msgspec.structs.replace(decision.order or OrderPart(), key=key),
            hold=Hold(hold.tag, hold.owner) if hold is not None else None,
            is_stack=len(codes) > 1,
        )

    # -- what a checkout does --------------------------------------------------------------------------------------

    def redeem(self, codes: tuple[str, ...], request: Request, session: str | None) -> tuple[Decision, Outcome | None]:
        hold = HoldUse(session_tag(shelf.PROJECT, session)) if session is not None else None
        return self.attempt(Mode.COMMIT, f"rdm_{self.asked}", codes, request, hold)

    def reserve(self, codes: tuple[str, ...], request: Request, session: str, ttl_ms: int) -> Outcome | None:
        id_ = f"rsv_{self.asked}"
        use = HoldUse(session_tag(shelf.PROJECT, session), id_, self.now_ms + ttl_ms)
        decision, outcome = self.attempt(Mode.HOLD, id_, codes, request, use)
        if outcome is not None and outcome.verdict is Verdict.GRANTED:
            event = decode(self.model.records[id_].payload)
            assert isinstance(event, Reserved)
            self.reservations[id_] = event, request, tuple(line.code for line in decision.lines)
        return outcome

    def capture(self, id_: str) -> Outcome | None:
        """Redeem what is held; what that does not take any more is given up."""
        event, request, codes = self.reservations[id_]
        request = msgspec.structs.replace(request, wanted=_as_held(event, request))
        use = HoldUse(event.tag, id_, required=True)
        decision, outcome = self.attempt(Mode.COMMIT, f"rdm_of_{id_}", codes, request, use)
        taken = sums_of(decision.lines)
        rest = tuple([move for move in _held(event) if move.counter not in taken])
        if rest and outcome is not None and outcome.verdict is Verdict.GRANTED:
            payload = encode(Released(id_, "acc", shelf.PROJECT, event.tag))
            given_up = Item(Mode.RELEASE, f"{id_}:rest", payload=payload, moves=rest, hold=HoldUse(event.tag, id_))
            assert self.submit(given_up).verdict is Verdict.GRANTED
        return outcome

    def extend(self, id_: str, ttl_ms: int) -> Outcome:
        event, request, codes = self.reservations[id_]
        until_ms = max(event.expires_ms, self.now_ms + ttl_ms)
        event = msgspec.structs.replace(event, expires_ms=until_ms)
        use = HoldUse(event.tag, id_, until_ms, required=True)
        outcome = self.submit(Item(Mode.HOLD, None, payload=encode(event), moves=_held(event), hold=use))
        if outcome.verdict is Verdict.GRANTED:
            self.reservations[id_] = event, request, codes
        return outcome

    def release(self, id_: str) -> Outcome:
        """Give it up; where the session has used a part of it, the rest."""
        event = self.reservations[id_][0]
        payload = encode(Released(id_, "acc", shelf.PROJECT, event.tag))
        use = HoldUse(event.tag, id_, required=True)
        item = Item(Mode.RELEASE, f"y:{id_}", payload=payload, moves=_held(event), hold=use)
        outcome = self.submit(item)
        if outcome.verdict is Verdict.HOLD_GONE and f"rdm_of_{id_}" not in self.model.records:
            return self.submit(msgspec.structs.replace(item, hold=HoldUse(event.tag, id_)))
        return outcome

    def roll_back(self, sale: Sale, quote: Quote) -> Outcome:
        """Send the rollback that the quote foretells; it counts once it is settled."""
        event = RolledBack(
            *(sale.event.id, "acc", shelf.PROJECT, quote.revision, f"rbk_{self.asked}"),
            is_whole=quote.is_whole,
            moves=quote.moves,
            lines=quote.lines,
            items=tuple([(one.item, one.units) for one in quote.items]),
            discounts=quote.discounts,
            refund_minor=quote.refund_minor,
        )
        mark = str(self.asked).encode()
        return self.submit(Item(Mode.COMMIT, f"x:{sale.event.id}:{quote.revision}", mark, encode(event)))

    # -- the ledger ------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """The reconciler's turn: every event of the stream, then one confirm."""
        confirmed: dict[str, int] = {}
        returned: dict[str, int] = {}
        dropped: list[str] = []
        events = [decode(raw) for _, (_, batch) in sorted(self.model.stream.items()) for raw in batch]
        for event in events:
            if isinstance(event, Redeemed):
                assert event.id not in self.sales, "one effect"
                self.sales[event.id] = Sale(event, [])
                _add(confirmed, sums_of(event.lines))
            elif isinstance(event, RolledBack):
                sale = self.sales[event.redemption_id]
                if len(sale.rollbacks) != event.revision:
                    continue  # another one was faster: it collapses
                sale.rollbacks.append(event)
                _add(returned, dict(event.moves or ()))
                order = sale.event.order
                if event.is_whole and order is not None and order.key:
                    dropped.append(f"o:{order.key.hex()}")
        names = sorted({*confirmed, *returned})
        settlements = [Settlement(n, shelf.PROJECT, confirmed.get(n, 0), returned.get(n, 0)) for n in names]
        self.model.confirm(self.model.position, self.model.last_entry, len(events), settlements, dropped)


def holds(rule: dict[str, object], order: Order, discounted_minor: int) -> bool:
    """Whether a rule holds for what is left of an order."""
    return compile_rule(rule).holds_for_order(order, discounted_minor)


def _blamed(decision: Decision, outcome: Outcome) -> int | None:
    """The redeemable that a limit, a guard or another's hold has refused."""
    if outcome.verdict in (Verdict.LIMIT, Verdict.HELD, Verdict.HOLD_TAKEN):
        return decision.owners[outcome.index]
    return decision.guard_owners[outcome.index] if outcome.verdict is Verdict.GUARD else None


def _of_card(decision: Decision, outcome: Outcome) -> bool:
    """Whether a card has refused: it may have changed since it was looked at."""
    if outcome.verdict is Verdict.GUARD:
        return decision.guards[outcome.index].counter.startswith(("a:", "y:"))
    is_limit = outcome.verdict in (Verdict.LIMIT, Verdict.HELD)
    return is_limit and decision.moves[outcome.index].counter.startswith(("a:", "y:"))


def _as_held(event: Reserved, request: Request) -> tuple[Wanted, ...]:
    """What was held, in the order in which it was applied; of cards as much as is held."""
    by_name = {wanted.name: wanted for wanted in request.wanted}
    wanted = []
    for line in event.lines:
        asked = by_name[line.code]
        if line.object == "gift_card":
            asked = msgspec.structs.replace(asked, amount_minor=line.discount_minor)
        elif line.object == "loyalty_card" and not line.reward:
            asked = msgspec.structs.replace(asked, points=line.points)
        wanted.append(asked)
    return tuple(wanted)


def _held(event: Reserved) -> tuple[Move, ...]:
    return tuple([Move(name, n, UNLIMITED, BUDGET_WINDOW_MINOR) for name, n in sums_of(event.lines).items()])


def sums_of(lines: tuple[Line, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:
        for counter, amount, _ in line.moves:
            sums[counter] = sums.get(counter, 0) + amount
    return sums


def _add(sums: dict[str, int], more: dict[str, int]) -> None:
    for name, amount in more.items():
        sums[name] = sums.get(name, 0) + amount
