"""What qualifies: every promotion tier that applies to the cart and all that is the customer's own, best deal first.

Each is decided alone, and judged as a redemption of it alone would be: the tiers that cannot apply are never looked
at, of the others those of one page are judged. Must never show a publishable key, which everybody can read, what
belongs to a customer.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from domain.decisions import Decision, Found, Wanted
from domain.definitions import tier_key
from domain.matching import carried_by
from domain.problems import Refused
from domain.stacks import decide_stack
from engine.attempt import STAGES
from engine.validate import is_answer, judge
from store.database import Database
from store.queries import query

from .asking import Place
from .cart import Cart
from .pacing import Pace
from .tiers import ProjectTiers

MOST_OWN = 100
"""Of each kind, of what a customer was given: the newest."""

_OWN = query("own_redeemables")


class Deal(msgspec.Struct):
    """One redeemable with what it does alone. `decision` None: it does nothing alone, but may beside others, unless it
    is `refused` by a limit. `judged`: the commit was asked."""

    wanted: Wanted
    found: Found
    decision: Decision | None
    judged: bool = False
    refused: bool = False

    @property
    def place(self) -> Place:
        """Where it stands among the others."""
        assert self.decision is not None, "it applies"
        redeemable = self.found.redeemable
        assert redeemable is not None, "what applies was found"
        pays = redeemable.object == "gift_card"
        return Place(+pays, -self.decision.discount_minor, redeemable.hierarchy, self.wanted.name)


async def own_names(database: Database, cart: Cart) -> list[Wanted]:
    """Codes and cards that were given to the customer, for a key that may know of them."""
    customer_id = cart.request.customer_id
    if customer_id is None or cart.tenant.publishable:
        return []
    async with database.tenant_tx(cart.project_id) as tx:
        rows = await tx.fetch(_OWN, cart.project_id, customer_id, MOST_OWN)
    return [Wanted(row["code"], row["object"]) for row in rows]


async def own_deals(cart: Cart, wanted: Sequence[Wanted]) -> list[Deal]:
    """Those of them that apply now; and of codes those that others may make apply."""
    deals = await asyncio.gather(*(_judged(cart, each) for each in wanted))
    return [deal for deal in deals if deal is not None]


async def _judged(cart: Cart, wanted: Wanted) -> Deal | None:
    attempt = cart.attempt((wanted,))
    decision, refused = await judge(attempt)
    if refused is None:
        return Deal(wanted, attempt.found[0], decision, judged=True)
    if not is_answer(refused.code):
        raise refused
    is_code = wanted.object == "voucher"
    return Deal(wanted, attempt.found[0], None, judged=True) if is_code and refused.code == "rule_not_met" else None


async def tier_deals(cart: Cart, tiers: ProjectTiers) -> list[Deal]:
    """Every promotion tier that applies as far as decisions go."""
    index = tiers.index
    ids = index.candidates(carried_by(cart.facts(), index.zones))
    pace, deals = Pace(), []
    for tier_id, found in (await _find(cart, tiers, ids)).items():
        wanted = Wanted(tier_id, "promotion_tier")
        request = msgspec.structs.replace(cart.request, wanted=(wanted,))
        decision = decide_stack([found], request, cart.around, cart.served.now_ms(), cart.served.epoch)
        takes = decision.refusal is None and not _is_nothing(found, decision)
        if takes or (tier_id in index and index.need(tier_id).changes_in_a_stack):
            deals.append(Deal(wanted, found, decision if takes else None))
        await pace.breathe()
    return deals


async def _find(cart: Cart, tiers: ProjectTiers, ids: Sequence[str]) -> dict[str, Found]:
    """What these ids lead to, as new as the index is."""
    catalog, project_id, pace = cart.served.catalog, cart.project_id, Pace()
    for stage in range(STAGES + 1):
        found: dict[str, Found] = {}
        lacking: dict[str, None] = {}
        for tier_id in ids:
            key = tier_key(project_id, tier_id)
            each = catalog.known(project_id, key)
            if each is None:
                lacking.update(dict.fromkeys(catalog.lacking(key)))
            elif each.redeemable is not None:
                found[tier_id] = each
            await pace.breathe()
        # Redis may be behind PostgreSQL, which the index was read from: then what Redis has is in force.
        old = [name for each in found.values() for name in tiers.outdated(each)] if not stage else []
        if not lacking and not old:
            return found
        if old:
            catalog.forget(old)
        await catalog.load(project_id, {**lacking, **dict.fromkeys(old)})
    raise Refused("contended")


def _is_nothing(found: Found, decision: Decision) -> bool:
    """Whether it has a discount that takes nothing off: that is no deal, where a project lets it be applied too."""
    own = found.redeemable.discount if found.redeemable is not None else None
    has_discount = own is not None or (found.campaign is not None and found.campaign.discount is not None)
    items = decision.order.items if decision.order is not None else ()
    return has_discount and not decision.discount_minor and not any(item.added for item in items)


async def page_of(cart: Cart, deals: Sequence[Deal], after: Place | None, limit: int) -> tuple[list[Deal], bool]:
    """The best deals behind a place that no limit refuses, and whether there are more. Those that a limit does refuse
    have no decision any more."""
    waiting = sorted((each for each in deals if each.decision is not None), key=lambda each: each.place)
    if after is not None:
        waiting = [each for each in waiting if each.place > after]
    standing: list[Deal] = []
    while waiting and len(standing) <= limit:
        wanted = limit + 1 - len(standing)
        batch, waiting = waiting[:wanted], waiting[wanted:]
        await asyncio.gather(*(judge_alone(cart, each) for each in batch))
        standing += [each for each in batch if each.decision is not None]
    return standing[:limit], len(standing) > limit


async def judge_alone(cart: Cart, deal: Deal) -> None:
    """See whether a limit refuses it."""
    if deal.judged:
        return
    decision, refused = await judge(cart.attempt((deal.wanted,)))
    if refused is not None and not is_answer(refused.code):
        raise refused
    deal.judged, deal.refused = True, refused is not None
    deal.decision = decision if refused is None else None
