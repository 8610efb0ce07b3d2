"""The best stack of what qualifies: sought in slices within a time, and judged as a redemption of it would be.

Where a limit refuses it, it is sought again without the one that the refusal falls on. Must never call a stack optimal
that leaves out what would have been granted in another one.
"""

import time
from collections.abc import Sequence

import msgspec

from domain.best_stack import MOST_SEARCHED, Search
from domain.decisions import Decision, Wanted
from domain.definitions import MOST_REDEEMABLES
from engine.attempt import Attempt
from engine.validate import is_answer, judge

from .asking import BestStackBody
from .cart import Cart
from .deals import Deal, judge_alone
from .pacing import Pace

MOST_ROUNDS = 10
"""How often it is sought again. Each round costs a call of the script."""


class BestStack(msgspec.Struct, frozen=True):
    """What was found; without `decision` nothing applies."""

    attempt: Attempt | None
    decision: Decision | None
    is_optimal: bool


async def best_stack(cart: Cart, deals: Sequence[Deal], cards: Sequence[Wanted], asked: BestStackBody) -> BestStack:
    """The stack of the deals that takes most off. The cards pay behind it, and count for nothing in it."""
    ends_at = time.monotonic() + asked.time_ms / 1000
    # Those that do nothing alone come last: none of them has a place that others would not have made for it.
    left = sorted(deals, key=lambda deal: (deal.decision is None, deal.decision and deal.place))
    is_whole = len(left) < MOST_SEARCHED
    left, cards = left[:MOST_SEARCHED], list(cards)
    for _ in range(MOST_ROUNDS):
        search = Search([deal.found for deal in left], cart.request, cart.around, cart.served.now_ms())
        await _run(search, ends_at)
        chosen = [left[number] for number in search.sequence]
        paying = cards[: MOST_REDEEMABLES - len(chosen)]
        if not chosen and not paying:
            return BestStack(None, None, search.is_optimal and is_whole)
        attempt = cart.attempt((*(deal.wanted for deal in chosen), *paying))
        decision, blamed = await _judge(attempt)
        if decision is not None:
            return BestStack(attempt, decision, search.is_optimal and is_whole)
        for number in blamed:
            if number >= len(chosen):
                cards.remove(paying[number - len(chosen)])
                continue
            deal = chosen[number]
            left = [each for each in left if each is not deal]
            await judge_alone(cart, deal)
            # Refused beside the others only: another stack might have had it.
            is_whole = is_whole and deal.refused
    return BestStack(None, None, False)


async def _run(search: Search, ends_at: float) -> None:
    """Search until the time is up; whatever the time, something is tried."""
    pace = Pace()
    for _ in search.steps():
        if search.has_begun and time.monotonic() >= ends_at:
            return
        await pace.breathe()


async def _judge(attempt: Attempt) -> tuple[Decision | None, list[int]]:
    """The decision, if all of it stands; else the numbers of those that the refusal falls on."""
    decision, refused = await judge(attempt)
    if refused is None:
        parts: list[str] = [part.status for part in decision.parts]
    elif is_answer(refused.code):
        parts = [view.status for view in refused.redeemables]
    else:
        raise refused
    blamed = [number for number, status in enumerate(parts) if status == "inapplicable"]
    if refused is None and not blamed:
        return decision, []
    # Nobody in particular: then the last, which the others stood without.
    return None, sorted(blamed or [len(attempt.wanted) - 1], reverse=True)
