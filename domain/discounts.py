"""Discount arithmetic: pure functions on integers of minor units.

Must never return less than zero or more than the order's value.
"""

from .definitions import Discount
from .money import share


def discount_minor(discount: Discount, order_value_minor: int) -> int:
    """What the discount takes off an order: rounded half up once, capped, never more than the order."""
    if discount.type == "PERCENT":
        off = share(order_value_minor, discount.value)
    elif discount.type == "AMOUNT":
        off = discount.value
    else:  # FIXED: the order then costs `value`
        off = max(0, order_value_minor - discount.value)
    if discount.max_minor is not None:
        off = min(off, discount.max_minor)
    return min(off, order_value_minor)
