"""What the stores say of themselves: S1 and S2 of every sample, L3, L5 and L1's account when all has healed."""

from collections import Counter, defaultdict

from tests.chaos.history import LedgerCounter, RedisCounter
from tests.chaos.judging import Case
from tests.chaos.orders import NEVER


def check_counters(case: Case) -> None:
    """S1 and S2, for every sample and in the end."""
    facts = case.evidence.facts
    for surprise in case.evidence.setting.surprises:
        case.report("S2", surprise)
    for sample in case.evidence.samples:
        for counter in sample.ledger:
            _ledger_adds_up(case, counter)
        for kept in sample.redis:
            _redis_is_bounded(case, kept, sample.at)
    for counter in facts.ledger:
        _ledger_adds_up(case, counter)
    for kept in facts.redis:
        _redis_is_bounded(case, kept, NEVER)


def _ledger_adds_up(case: Case, counter: LedgerCounter) -> None:
    said = (counter.granted, counter.returned, counter.quarantined)
    rows = (counter.rows_granted, counter.rows_returned, counter.rows_quarantined)
    if said != rows:
        case.report("S1", f"{counter.id} says {said} of granted, returned, quarantined; its rows say {rows}")
    used = counter.granted - counter.returned
    if counter.ceiling is not None and used > counter.ceiling:
        case.report("S1", f"{counter.id} has {used} used under a ceiling of {counter.ceiling}")


def _redis_is_bounded(case: Case, counter: RedisCounter, at: float) -> None:
    if counter.id in case.counters_apart:
        return
    extra = case.injected_units.get(counter.id, 0)
    if counter.confirmed > counter.granted + extra:
        case.report("S2", f"{counter.id} has confirmed {counter.confirmed} of {counter.granted} granted")
    exposure, is_count = counter.granted - counter.confirmed, counter.id[:2] in ("r:", "u:")
    if is_count and exposure > case.evidence.setting.window:
        case.report("S2", f"{counter.id} has {exposure} exposed, the window is {case.evidence.setting.window}")
    definition = case.definitions.get(counter.id.removeprefix("r:"))
    if definition is None:
        return
    held, limit = counter.held - counter.expired, definition.greatest_until(at)
    used = counter.granted - counter.returned + held
    if used > limit + extra:
        case.report("S2", f"{counter.id} has {used} used and held, {limit} at most were allowed")


def check_at_rest(case: Case) -> None:
    """L3 and L5: the two stores are equal, and nothing is under way."""
    facts = case.evidence.facts
    for epoch in facts.epochs:
        if epoch.state == "open" and epoch.withheld_epochs and not epoch.released:
            case.report("L3", f"shard {epoch.shard} withholds for {epoch.withheld_epochs} epochs")
    for shard in sorted({tenant.shard for tenant in case.evidence.tenants}):
        if not any(epoch.shard == shard and epoch.state == "open" for epoch in facts.epochs):
            case.report("L3", f"shard {shard} has no open epoch")
    for end in facts.shards:
        if end.stream_length:
            case.report("L3", f"shard {end.shard} has {end.stream_length} entries in its stream")
        if end.ledger_position != end.redis_position:
            case.report("L3", f"shard {end.shard} stands at {end.ledger_position}, Redis at {end.redis_position}")
    by_name = {counter.id: counter for counter in facts.ledger}
    for counter in facts.redis:
        if counter.id not in case.counters_apart:
            _is_settled(case, counter, by_name.get(counter.id))
    _cards_have_what_was_funded(case)
    _held_is_what_holds_come_to(case)
    _usage(case)


def _is_settled(case: Case, counter: RedisCounter, kept: LedgerCounter | None) -> None:
    if counter.granted != counter.confirmed:
        case.report("L3", f"{counter.id}: granted {counter.granted}, confirmed {counter.confirmed}")
    in_ledger = 0 if kept is None else kept.granted - kept.returned + kept.quarantined
    if counter.granted - counter.returned != in_ledger:
        case.report("L3", f"{counter.id}: {counter.granted - counter.returned} in Redis, {in_ledger} in PostgreSQL")


def _cards_have_what_was_funded(case: Case) -> None:
    """A gift card's limit in Redis is written by PostgreSQL, by version: the last top-up has come there."""
    funded = {f"a:{card.id}": card.lots[0][1] for card in case.evidence.facts.cards if card.object == "gift_card"}
    for counter in case.evidence.facts.redis:
        if counter.id in funded and counter.limit != funded[counter.id]:
            case.report("L3", f"{counter.id} may spend {counter.limit} in Redis, {funded[counter.id]} was funded")


def _held_is_what_holds_come_to(case: Case) -> None:
    held: Counter[tuple[int, str]] = Counter()
    for hold in case.evidence.facts.redis_holds:
        held[hold.shard, hold.counter] += hold.amount
    for counter in case.evidence.facts.redis:
        if counter.held != held[counter.shard, counter.id]:
            said = held[counter.shard, counter.id]
            case.report("L3", f"{counter.id}: {counter.held} held, its holds come to {said}")


def _usage(case: Case) -> None:
    rows: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in case.evidence.facts.rows:
        sums = rows[row.project_id]
        sums[0] += 1
        sums[1] += row.rolled_back
        sums[2] += row.discount_minor
    for kept in case.evidence.facts.stacks:
        sums = rows[kept.project_id]
        sums[0] += 1
        sums[1] += kept.is_gone
        sums[2] += kept.discount_minor - kept.paid_minor
    said = {
        usage.project_id: [usage.redemptions, usage.rollbacks, usage.discount_minor]
        for usage in case.evidence.facts.usage
    }
    for project in rows.keys() | said.keys():
        if rows[project] != said.get(project, [0, 0, 0]):
            case.report("L5", f"{project} is billed {said.get(project)}, its rows are {rows[project]}")
