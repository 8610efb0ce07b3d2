"""Stacks and returns: S4, S6, S7 and L1, L2 for them, S11 once per order, S12 what comes back is what was taken."""

from collections import Counter

from domain.ids import redemption_id
from tests.chaos.gathered import Basket, SaidReturn, asked_by, decode_as, is_whole, said_by
from tests.chaos.history import Call
from tests.chaos.judging import Case
from tests.chaos.kept import Kept


def check_baskets(case: Case) -> None:
    """Everything that is said of stacks, and kept of them."""
    own = _own_ids(case)
    for basket in case.gathered.baskets:
        _is_one_thing(case, basket, own)
        _is_kept(case, basket)
        _returns_took_effect(case, basket)
    _keys_are_known(case)
    _once_per_order(case)
    asked = {(basket.tenant, basket.id): basket for basket in case.gathered.baskets}
    number_of = {tenant.project_id: number for number, tenant in enumerate(case.evidence.tenants)}
    for kept in case.evidence.facts.stacks:
        of = asked.get((number_of.get(kept.project_id, -1), kept.id))
        if of is None:
            case.report("S7", f"stack {kept.id} was asked for by nobody")
            continue
        _is_as_asked(case, kept, of)
        _adds_up(case, kept)
        _was_asked_back(case, kept, of)


def _own_ids(case: Case) -> dict[tuple[int, str], str]:
    """The order of each id that a key of a stack leads to."""
    projects = case.evidence.tenants
    return {
        (call.tenant, redemption_id(projects[call.tenant].project_id, "redemptions", call.key)): call.order_id
        for call in case.evidence.calls
        if call.verb == "stack"
    }


def _is_one_thing(case: Case, basket: Basket, own: dict[tuple[int, str], str]) -> None:
    """All answers that name it say the same of it, to those who asked for it."""
    for call in basket.acknowledgements:
        said = said_by(call)
        if said is None:
            case.report("S7", f"call {call.number} was answered 200 with what is no stack")
            continue
        if call.verb == "stack" and own.get((call.tenant, said.id)) != call.order_id:
            case.report("S6", f"call {call.number} was answered with {said.id}, which is of another order")
        codes = [part.redeemable for part in said.redemptions]
        if said.customer_id != call.customer_id or not set(codes) <= set(call.target.split("+")):
            case.report("S7", f"call {call.number} was answered with another stack: {codes} of {said.customer_id}")
    said_of = {(said.created_at, said.redemptions) for said in map(said_by, basket.acknowledgements) if said}
    if len(said_of) > 1 and not basket.lost:
        case.report("S4", f"{basket.id} was answered in {len(said_of)} ways")


def _is_kept(case: Case, basket: Basket) -> None:
    calls = (*basket.attempts, *basket.returns)
    is_refused = basket.in_quarantine or any(call.code == "ledger_refused" for call in calls)
    if is_refused and not case.evidence.setting.released_at:
        case.report("S1", f"the ledger has refused {basket.id}, or a return of it, which was admitted")
    if not basket.acknowledgements:
        return
    if not basket.is_settled and not basket.lost:
        at = basket.acknowledgements[0].answered_at
        case.report("L1", f"{basket.id} was acknowledged at {at:.3f} and is nowhere")
    refused = [
        call
        for call in basket.attempts
        if call.is_refusal and call.asked_at > basket.acknowledgements[0].answered_at and call.verb != "capture"
    ]
    if refused and not basket.lost:
        case.report("L2", f"{basket.id} was acknowledged, and then refused with {refused[0].code}")


def _keys_are_known(case: Case) -> None:
    last: dict[tuple[int, str, str], Call] = {}
    for call in sorted(case.evidence.calls, key=lambda call: call.asked_at):
        if call.key and call.verb not in ("redeem", "rollback", "foreign"):
            last[call.tenant, call.target, call.key] = call
    for call in last.values():
        if call.is_unknown:
            case.report("L2", f"{call.verb} {call.key} of {call.target} is still not known: {call.status} {call.code}")


def _once_per_order(case: Case) -> None:
    """Of one order id there is one redemption, but for those that are rolled back, or were lost."""
    for (_, order_id), baskets in case.gathered.by_order.items():
        standing = [each.id for each in baskets if each.kept is not None and not each.kept.is_gone and not each.lost]
        if len(standing) > 1:
            case.report("S11", f"{order_id} is redeemed {len(standing)} times: {sorted(standing)}")
        named = [each.id for each in baskets if each.acknowledgements and not each.lost]
        gone = [each.id for each in baskets if each.kept is not None and each.kept.is_gone]
        if len(set(named) - set(gone)) > 1:
            case.report("S11", f"{order_id} was answered with {len(named)} redemptions: {sorted(named)}")


def _is_as_asked(case: Case, kept: Kept, basket: Basket) -> None:
    call = next((call for call in basket.attempts if kept.key in (call.key, None) or call.verb == "capture"), None)
    if call is None:
        case.report("S7", f"stack {kept.id} has the key {kept.key}, with which nobody asked for it")
        return
    codes = [line.code for line in kept.lines]
    asked = (call.customer_id, call.order_value_minor, call.order_id if call.verb == "stack" else None)
    if asked != (kept.customer_id, kept.order_value_minor, kept.order_id) or not set(codes) <= {
        *call.target.split("+")
    }:
        case.report("S7", f"stack {kept.id} is not what was asked for: {codes} of {kept.customer_id}")
    elif basket.said is not None and codes != [part.redeemable for part in basket.said.redemptions]:
        case.report("S7", f"stack {kept.id} has {codes}, its answer had {basket.said.redemptions}")
    for line in kept.lines:
        if line.campaign_id is not None and case.project_of.get(line.campaign_id) != kept.project_id:
            case.report("S6", f"stack {kept.id} counts in {line.campaign_id}, which is another's")
    if sum(line.discount_minor for line in kept.lines) != kept.discount_minor:
        case.report("S12", f"stack {kept.id} has a discount that is not its lines'")


def _adds_up(case: Case, kept: Kept) -> None:
    """Of units and of money: nothing comes back that was not taken, and all of it where all is rolled back."""
    taken, returned = kept.taken(), kept.returned()
    if not returned <= taken or (kept.is_gone and returned != taken):
        case.report("S12", f"stack {kept.id} took {dict(taken)} and gave back {dict(returned)}")
    revisions = [back.revision for back in kept.returns]
    if revisions != list(range(kept.revision)) or kept.is_gone != any(back.is_whole for back in kept.returns):
        case.report("S12", f"stack {kept.id} is {kept.status} at {kept.revision} with the revisions {revisions}")
    refunded = sum(back.refund_minor for back in kept.returns)
    if refunded != kept.refunded_minor:
        case.report("S12", f"stack {kept.id} says {kept.refunded_minor} refunded, its returns {refunded}")
    units = [count for count, _ in kept.items]
    for back in kept.returns:
        for number, count in back.items:
            units[number] -= count
    lines = Counter(line for back in kept.returns for line in back.lines)
    if min(units, default=0) < 0 or max(lines.values(), default=0) > 1:
        case.report("S12", f"stack {kept.id} has got back more than it had: units {units}, redeemables {dict(lines)}")
    # What was paid, and what redeemables that were rolled back had taken off it, is refunded or still to be paid: the
    # order itself stands where the last of them was rolled back.
    lost = sum(sum(back.discounts) for back in kept.returns)
    dearer = sum(sum(back.discounts) for back in kept.returns if back.lines)
    amount = sum(left * price for left, (_, price) in zip(units, kept.items, strict=True))
    owed = amount - (kept.discount_minor - lost)
    paid = kept.order_value_minor - kept.discount_minor
    if paid + dearer != refunded + owed or lost > kept.discount_minor:
        text = f"{paid} paid, {dearer} dearer, {refunded} refunded, {owed} owed, {lost} of {kept.discount_minor} lost"
        case.report("S12", f"stack {kept.id} makes or loses money: {text}")


def _was_asked_back(case: Case, kept: Kept, basket: Basket) -> None:
    """Every return is somebody's, and one for each key."""
    keys = Counter(back.key for back in kept.returns if back.key is not None)
    asked = {call.key for call in basket.returns}
    for key, count in keys.items():
        if count > 1:
            case.report("S12", f"{key} has returned {kept.id} {count} times")
        if key not in asked:
            case.report("S12", f"{key} of {kept.id} was returned, nobody asked for that")
    keyless = sum(back.key is None for back in kept.returns)
    if keyless > sum(not call.key for call in basket.returns):
        case.report("S12", f"{kept.id} has {keyless} returns without a key, which nobody asked for")


def _returns_took_effect(case: Case, basket: Basket) -> None:
    """What was answered 200 is in the ledger, with the refund that was told."""
    if basket.kept is None:
        return
    by_key = {back.key: back for back in basket.kept.returns}
    for call in basket.returns:
        if call.status != 200:
            continue
        if is_whole(call):
            if not basket.kept.is_gone:
                case.report("L2", f"the rollback of {basket.id} was answered 200, it stands")
        elif call.key:
            said = decode_as(SaidReturn, call)
            back = by_key.get(call.key)
            if back is None:
                case.report("L2", f"the return {call.key} of {asked_by(call)} was answered 200 and is nowhere")
            elif said is None or said.refund is None or round(said.refund * 100) != back.refund_minor:
                case.report("S12", f"the return {call.key} was told {said}, the ledger says {back.refund_minor}")
