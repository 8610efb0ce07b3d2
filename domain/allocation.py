"""Splitting an amount over parts so that not a minor unit is lost: by largest remainder, within each part's cap.

Must never round a part by itself. What a part gets depends on its weight and not on where it stands, but for one tie:
of parts with equal weights and equal remainders, the one that stands first gets the odd unit.
"""

from collections.abc import Sequence


def split(amount: int, weights: Sequence[int], caps: Sequence[int] | None = None) -> list[int]:
    """`amount` in proportion to `weights`, no part above its cap: what does not fit goes to the others, again in
    proportion. A part without weight gets nothing; what fits nowhere is not handed out."""
    shares = [0] * len(weights)
    open_ = [number for number, weight in enumerate(weights) if weight > 0]
    if caps is not None:
        amount, open_ = _fill_up(amount, weights, caps, shares, open_)
    whole = sum(weights[number] for number in open_)
    if whole == 0:
        return shares
    for number in open_:
        shares[number] = amount * weights[number] // whole
    odd = amount - sum(shares[number] for number in open_)
    if odd:
        # Greatest remainder first, then greatest weight; sorting is stable, so position is the last resort.
        open_.sort(key=lambda number: (-(amount * weights[number] % whole), -weights[number]))
        for number in open_[:odd]:
            shares[number] += 1
    return shares


def _fill_up(
    amount: int, weights: Sequence[int], caps: Sequence[int], shares: list[int], open_: list[int]
) -> tuple[int, list[int]]:
    """Give every part its cap that its share would reach, round by round: each round leaves the others with greater
    shares. What comes back is left to split, and no part of it can pass its cap, the odd unit included."""
    while open_:
        whole = sum(weights[number] for number in open_)
        full = [number for number in open_ if amount * weights[number] >= caps[number] * whole]
        if not full:
            break
        for number in full:
            shares[number] = caps[number]
        # Whoever is full was owed at least its cap, so the amount never falls below nothing.
        amount -= sum(caps[number] for number in full)
        filled = set(full)
        open_ = [number for number in open_ if number not in filled]
    return amount, open_
