"""Which of many promotions can apply to a cart at all, at a cost that grows with those that can.

`need_of` is what an order, its customer and the time must carry for a redeemable to apply to them, in any stack;
`carried_by` is what they carry; `Index` finds those whose need is met. Must never judge: what is found may still be
refused, but nothing that applies may be missed.
"""

from .carrying import Carried, carried_by
from .index import Index
from .needs import Need, need_of

__all__ = ["Carried", "Index", "Need", "carried_by", "need_of"]
