"""Discount arithmetic: pure functions on integers of minor units.

Owns what a discount takes off one amount; effects.py says which amounts of an order it is on. Must never return less
than zero or more than the amount.
"""

from .definitions import Discount
from .money import share


def discount_minor(discount: Discount, order_value_minor: int) -> int:
    """What the discount takes off an amount, which is the order's where it has no scope and the order no items:
    rounded half up once, capped, never more than the amount."""
    if discount.type == "PERCENT":
        off = share(order_value_minor, discount.value)
    elif discount.type == "AMOUNT":
        off = discount.value
    elif discount.type == "FIXED":  # what it is on then costs `value`
        off = max(0, order_value_minor - discount.value)
    else:  # UNIT: an amount says nothing of units
        return 0
    if discount.max_minor is not None:
        off = min(off, discount.max_minor)
    return min(off, order_value_minor)
