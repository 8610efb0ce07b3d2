"""How long the best stack is sought, by the number of redeemables: in this process, with nothing beside it.

Must never say proven where the time was up.
"""

import random
import time
from statistics import median

from domain.best_stack import Search
from domain.decisions import Found, Request, Surroundings
from domain.definitions import Discount, ProjectSettings, Redeemable, Scope, Selection
from domain.orders import Item, Order

BOUND_S = 0.05
SIZES = (2, 4, 6, 8, 10, 12, 16, 20, 30)
SEEDS = 5

_ITEMS = (
    Item(2, 1_999, sku="A", categories=("shoes",)),
    Item(1, 4_999, sku="B", categories=("hats",)),
    Item(3, 999, sku="C"),
)
_ORDER = Order(sum(item.amount_minor for item in _ITEMS), _ITEMS, 499)


def describe_best_stacks() -> str:
    """The table: medians of the time until it is proven, or was up, and in how many of the seeds it was proven."""
    head = f"{'redeemables':>11}" + "".join(f"{kind:>24}" for kind in ("mixed", "percentages", "amounts"))
    rows = [f"{count:>11}" + "".join(_cell(kind, count) for kind in (_mixed, _percentage, _amount)) for count in SIZES]
    said = f"the best stack, at most {BOUND_S * 1000:.0f} ms: ms, proven in so many of {SEEDS}, longest step"
    return "\n".join((said, head, *rows))


def _cell(kind: object, count: int) -> str:
    assert callable(kind)
    took_ms, proven, longest_ms = [], 0, 0.0
    for seed in range(SEEDS):
        draw = random.Random(seed)
        took_s, is_optimal, longest_s = _search([kind(draw, number) for number in range(count)])
        took_ms.append(took_s * 1000)
        proven += is_optimal
        longest_ms = max(longest_ms, longest_s * 1000)
    return f"{median(took_ms):>12.1f}{proven:>3} of {SEEDS}{longest_ms:>4.1f}"


def _search(discounts: list[Discount]) -> tuple[float, bool, float]:
    """How long it took, whether it was proven, and the longest step."""
    found = [
        Found.of(
            Redeemable(f"tier_{at}", "prj", f"tier_{at}", 1, False, discount=each, object="promotion_tier"), None, ()
        )
        for at, each in enumerate(discounts)
    ]
    search = Search(found, Request(None, _ORDER.amount_minor, _ORDER), Surroundings(ProjectSettings("prj")), 1)
    began = before = time.perf_counter()
    longest_s = 0.0
    for _ in search.steps():
        now = time.perf_counter()
        longest_s, before = max(longest_s, now - before), now
        if now - began >= BOUND_S:
            break
    return time.perf_counter() - began, search.is_optimal, longest_s


def _percentage(_draw: random.Random, number: int) -> Discount:
    return Discount("PERCENT", 20_000 + 5_000 * number)


def _amount(_draw: random.Random, number: int) -> Discount:
    return Discount("AMOUNT", 100 + 10 * number)


def _mixed(draw: random.Random, _number: int) -> Discount:
    sku, category = draw.choice("ABC"), draw.choice(("shoes", "hats"))
    return draw.choice(
        (
            Discount("PERCENT", draw.choice((50_000, 100_000, 150_000))),
            Discount("AMOUNT", draw.choice((300, 500, 1_000))),
            Discount("PERCENT", 100_000, None, Scope("items", include=Selection(skus=(sku,)))),
            Discount("FIXED", 0, None, Scope("shipping")),
            Discount("AMOUNT", 200, None, Scope("every", include=Selection(categories=(category,)))),
            Discount("UNIT", 1, None, Scope("cheapest")),
        )
    )
