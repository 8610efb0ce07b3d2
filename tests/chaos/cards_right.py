"""The books of cards: S14 every entry is somebody's, once, and they come to what the card says; L7 what was answered is
there, and what refuses is spent to the last cent.
"""

from collections import Counter, defaultdict

from tests.chaos.amounts import is_refused, points_of
from tests.chaos.cards_asked import EMPTY, asked_of
from tests.chaos.history import Call, Card
from tests.chaos.judging import Case
from tests.chaos.kept import Kept, KeptLine
from tests.chaos.kept_cards import KeptCard

_Taken = tuple[str, int | None, int]
"""A redemption, the number of its line from 1, and the lot."""


def check_cards(case: Case) -> None:
    """Every card of the run, and every line that spent of one."""
    for sample in case.evidence.samples:
        for counter in sample.uneven:
            case.report("S14", f"{counter}: at {sample.at:.3f} its entries did not come to what it says")
    projects = [tenant.project_id for tenant in case.evidence.tenants]
    kept = {(card.project_id, card.code): card for card in case.evidence.facts.cards}
    for card in case.evidence.cards:
        if card.object == "promotion_tier":
            continue
        row = kept.pop((projects[card.tenant], card.code), None)
        if row is None:
            case.report("L7", f"{card.object} {card.id} is nowhere")
            continue
        _adds_up(case, row)
        _is_taken_by_lines(case, row)
        if card.object == "gift_card":
            _top_ups(case, card, row)
        else:
            _points(case, card, row)
        _is_spent_to_the_last(case, card, row)
    for row in kept.values():
        case.report("S14", f"{row.object} {row.id} was made by nobody")
    _is_what_was_asked(case)


def _adds_up(case: Case, card: KeptCard) -> None:
    """Entry by entry, lot by lot; and the counters have counted what was spent."""
    balance = 0
    lots: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for number, entry in enumerate(card.entries, 1):
        balance += entry.amount
        if (entry.number, entry.balance) != (number, balance):
            case.report("S14", f"{card.id}: entry {entry.number} leaves {entry.balance}, those before it {balance}")
            break
        lots[entry.lot][0] += entry.amount
        lots[entry.lot][1] -= entry.amount if entry.type in ("spend", "refund") else 0
    if card.balance != sum(earned - spent for _, earned, spent in card.lots) or card.balance != balance:
        case.report("S14", f"{card.id} says {card.balance}, its lots {card.lots}, its entries {balance}")
    counters = {counter.id: counter for counter in case.evidence.facts.ledger if counter.project_id == card.project_id}
    for lot, earned, spent in card.lots:
        counter = counters.get(card.counter(lot))
        used = 0 if counter is None else counter.granted - counter.returned
        if not 0 <= spent <= earned or [earned - spent, spent] != lots[lot] or used != spent:
            text = f"{earned} put there, {spent} spent, its entries {lots[lot]}, its counter {used}"
            case.report("S14", f"{card.counter(lot)}: {text}")


def _is_taken_by_lines(case: Case, card: KeptCard) -> None:
    """A spend for each line that moved it, a refund for what each return gave back, and nothing else."""
    entries: dict[str, Counter[_Taken]] = {"spend": Counter(), "refund": Counter()}
    for entry in card.entries:
        if entry.redemption_id is None:
            continue
        taken = (entry.redemption_id, entry.line_no if entry.type == "spend" else None, entry.lot)
        if entry.type == "spend" and taken in entries["spend"]:
            case.report("S14", f"{card.id}: {taken} was spent twice")
        entries[entry.type][taken] += abs(entry.amount)
    for type_, moved in _moved(case, card).items():
        for taken in sorted(moved.keys() | entries[type_].keys(), key=str):
            if moved[taken] != entries[type_][taken]:
                text = f"{entries[type_][taken]} in its entries, {moved[taken]} in redemptions"
                case.report("S14", f"{card.id}: {type_} of {taken}: {text}")


def _moved(case: Case, card: KeptCard) -> dict[str, Counter[_Taken]]:
    """What redemptions took of it, and what their returns gave back."""
    moved: dict[str, Counter[_Taken]] = {"spend": Counter(), "refund": Counter()}
    lots = {card.counter(lot): lot for lot, _, _ in card.lots}
    for kept in case.evidence.facts.stacks:
        for number, line in enumerate(kept.lines, 1):
            for counter, amount in line.moves:
                if counter in lots:
                    moved["spend"][kept.id, number, lots[counter]] += amount
        for counter, amount in kept.returned().items():
            if counter in lots:
                moved["refund"][kept.id, None, lots[counter]] += amount
    return moved


def _calls(case: Case, card: Card, verb: str) -> dict[str, list[Call]]:
    """By what tells them apart: the key of a top-up, the order of points."""
    found: defaultdict[str, list[Call]] = defaultdict(list)
    for call in case.evidence.calls:
        if call.verb == verb and (call.tenant, call.target) == (card.tenant, card.code):
            found[call.key if verb == "top_up" else call.order_id].append(call)
    return found


def _is_done(calls: list[Call]) -> bool:
    """Whether somebody was told: 202 says that it is in the ledger."""
    return any(call.status in (200, 202) for call in calls)


def _top_ups(case: Case, card: Card, row: KeptCard) -> None:
    asked = _calls(case, card, "top_up")
    entries: defaultdict[str, list[int]] = defaultdict(list)
    for entry in row.entries:
        if entry.type == "top_up":
            entries[entry.source or ""].append(entry.amount)
        elif entry.type == "take_back" or (entry.type == "issue" and entry.amount != card.first):
            case.report("S14", f"{card.id} has a {entry.type} of {entry.amount}, which nobody asked for")
    for key in sorted(asked.keys() | entries.keys()):
        calls, posted = asked.get(key, []), entries[key]
        if posted and posted != [call.order_value_minor for call in calls[:1]]:
            case.report("S14", f"{card.id} was topped up by {posted} for {key}, which asked for it once, or never")
        elif posted and all(is_refused(call) for call in calls):
            case.report("S14", f"{card.id}: the top-up {key} was refused, and was made")
        elif not posted and _is_done(calls):
            case.report("L7", f"{card.id}: the top-up {key} was answered {calls[-1].status} and is nowhere")


def _points(case: Case, card: Card, row: KeptCard) -> None:
    """Each paid order has earned once, and what was refunded is taken back, or owed."""
    paid, refunded = _calls(case, card, "earn"), _calls(case, card, "unearn")
    earned, taken = Counter[str](), -sum(entry.amount for entry in row.entries if entry.type == "take_back")
    for entry in row.entries:
        if entry.type == "earn":
            earned[(entry.source or "").removeprefix("order.paid:")] += entry.amount
        elif entry.type == "adjust":
            case.report("S14", f"{card.id} has an adjustment of {entry.amount}, which nobody asked for")
    due, is_known = 0, True
    for order_id in sorted(paid.keys() | earned.keys()):
        calls = paid.get(order_id, [])
        points = points_of(calls[0]) if calls else 0
        if not _is_done(calls) and not earned[order_id]:
            continue
        if earned[order_id] != points:
            invariant = "S14" if earned[order_id] else "L7"
            case.report(invariant, f"{card.id}: {order_id} has earned {earned[order_id]} instead of {points}")
        if order_id in refunded:
            due += points
            is_known = is_known and _is_done(refunded[order_id])
    if is_known and taken + row.owed != due:
        case.report("L7", f"{card.id}: {taken} points taken back and {row.owed} owed, {due} were refunded")


def _is_spent_to_the_last(case: Case, card: Card, row: KeptCard) -> None:
    """Judged by refusals of those who would have taken anything, after the last that changed the card."""
    of_card = [call for call in case.evidence.calls if call.tenant == card.tenant and (
        call.target == card.code or call.verb == "return")]  # fmt: skip
    changing = [call.answered_at for call in of_card if call.verb in ("top_up", "earn", "unearn", "return")]
    quiet_at = max([case.evidence.setting.healed_at, *changing])
    for call in of_card:
        is_empty = call.verb == "stack" and call.code in EMPTY and asked_of(call, card).amount is None
        if is_empty and call.asked_at > quiet_at and row.balance > _may_have_come_late(case, card):
            case.report("L7", f"{card.id} refuses with {call.code}, and has {row.balance}")
            return


def _may_have_come_late(case: Case, card: Card) -> int:
    """What nobody knew was there: put on the card by who was told that it is not in force yet, or come back by a return
    that was never answered and, without a key, never asked again."""
    late = sum(
        calls[0].order_value_minor if verb == "top_up" else points_of(calls[0])
        for verb in ("top_up", "earn")
        for calls in _calls(case, card, verb).values()
        if not any(call.status == 200 for call in calls)
    )
    for basket in case.gathered.baskets:
        for back in basket.kept.returns if basket.kept is not None and basket.tenant == card.tenant else ():
            if not any(call.status == 200 and (call.key or None) == back.key for call in basket.returns):
                late += sum(amount for counter, amount in back.moves if counter.startswith(card.counters))
    return late


def _is_what_was_asked(case: Case) -> None:
    """A card pays what was asked of it, or all that was left to be paid; what it pays is what was moved."""
    for basket in case.gathered.baskets:
        kept = basket.kept
        for number, line in enumerate(kept.lines if kept is not None else ()):
            card = case.card_of.get((basket.tenant, line.code))
            if kept is None or card is None or card.object == "promotion_tier":
                continue
            _moves_are_its_discount(case, kept, number, line, card)
            wanted = asked_of(basket.call, card).amount
            if wanted is None or line.discount_minor == wanted:
                continue
            if line.discount_minor > wanted or kept.discount_minor != kept.order_value_minor:
                case.report("S14", f"{kept.id}: {line.code} has paid {line.discount_minor}, {wanted} was asked")


def _moves_are_its_discount(case: Case, kept: Kept, number: int, line: KeptLine, card: Card) -> None:
    taken = sum(amount for counter, amount in line.moves if counter.startswith(card.counters))
    if line.discount_minor != taken or line.object != card.object:
        case.report("S14", f"{kept.id}: {line.object} {line.code} has paid {line.discount_minor} and lost {taken}")
    for back in kept.returns:
        returned = sum(amount for counter, amount in back.moves if counter.startswith(card.counters))
        lost = back.discounts[number] if number < len(back.discounts) else 0
        if returned != lost:
            text = f"{lost} of {line.code} came off the order, {returned} came back to it"
            case.report("S14", f"{kept.id}, return {back.revision}: {text}")
