"""What became of every order when all has healed: L1 nothing acknowledged is lost, L2 nothing stays unknown, L4 what
refuses is sold to the last unit."""

from collections import Counter

from tests.chaos.judging import Case
from tests.chaos.orders import NEVER, Order


def check_outcomes(case: Case) -> None:
    """L1, L2 and L4."""
    for order in case.orders:
        if order.acknowledgements and not order.is_settled and not order.lost:
            case.report("L1", f"{order.key} was acknowledged at {order.acknowledged_at:.3f} and is nowhere")
        _is_known(case, order)
        _ledger_agrees(case, order)
        for rollback in order.rollbacks:
            if rollback.status == 200 and order.row is not None and not order.row.rolled_back:
                case.report("L2", f"the rollback of {order.key} was answered 200, its row stands")
                break
    for change in case.evidence.changes:
        if change.status != 200:
            case.report("L2", f"the change of {change.campaign_id} asked at {change.asked_at:.3f} is still not known")
    _losses_are_reported(case)
    _sold_out(case)


def _ledger_agrees(case: Case, order: Order) -> None:
    """A CHECK can never refuse what was admitted, unless a person has released what was lost."""
    if case.evidence.setting.released_at:
        return
    if order.in_quarantine or any(call.code == "ledger_refused" for call in order.attempts):
        case.report("S1", f"the ledger has refused {order.key}, which was admitted")


def _is_known(case: Case, order: Order) -> None:
    last = order.attempts[-1]
    if order.acknowledgements:
        late = [call for call in order.attempts if call.is_refusal and call.asked_at > order.acknowledged_at]
        if late and not order.lost:
            case.report("L2", f"{order.key} was acknowledged, and then refused with {late[0].code}")
    elif last.is_unknown:
        case.report("L2", f"{order.key} is still not known: {last.status} {last.code}")
    elif last.asked_at > case.evidence.setting.healed_at and order.is_settled:
        case.report("L2", f"{order.key} was refused with {last.code}, and is in the ledger")


def _losses_are_reported(case: Case) -> None:
    lost = Counter(order.call.campaign_id for order in case.orders if order.lost)
    lost.update(part.call.campaign_id for basket in case.gathered.baskets if basket.lost for part in basket.parts)
    for campaign_id, count in lost.items():
        shard = case.shard_of(campaign_id)
        epochs = [epoch for epoch in case.evidence.facts.epochs if epoch.shard == shard]
        withheld = max((epoch.withheld_epochs for epoch in epochs), default=0)
        unaccounted = max(withheld, sum(epoch.unaccounted for epoch in epochs))
        if count > unaccounted * case.evidence.setting.window:
            case.report("L1", f"{campaign_id} lost {count}, the system reports {unaccounted} epochs unaccounted for")


def _sold_out(case: Case) -> None:
    """Judged by refusals after the last change and the last rollback: what they refuse must be in the ledger."""
    for campaign_id, definition in case.definitions.items():
        orders = [*case.by_campaign.get(campaign_id, []), *case.parts_by_campaign.get(campaign_id, [])]
        rolled_back = [call.answered_at for order in orders for call in order.rollbacks]
        quiet_at = max([definition.last_changed_at, case.evidence.setting.healed_at, *rolled_back])
        refused = any(
            call.code == "limit_reached" and call.asked_at > quiet_at
            for order in orders
            for call in order.attempts
            if definition.offer.per_code is None
        )
        limit = definition.least(quiet_at, NEVER)
        sold = case.standing[campaign_id] + case.injected_units.get(f"r:{campaign_id}", 0)
        if refused and sold < limit:
            case.report("L4", f"{campaign_id} refuses with {sold} of {limit} in the ledger")
