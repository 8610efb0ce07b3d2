"""stub"""
from collections.abc import Callable, Sequence
from typing import Any
import msgspec
from .events import Redeemed, RolledBack
from .orders import Order
class ReturnError(ValueError):
    item: int = 0
    line: int = 0
class ItemRefund(msgspec.Struct, frozen=True):
    item: int; units: int; amount_minor: int; discount_minor: int; refund_minor: int
class Quote(msgspec.Struct, frozen=True):
    revision: int; items: tuple[ItemRefund, ...]; lines: tuple[int, ...]; discounts: tuple[int, ...]; refund_minor: int; moves: tuple[tuple[str, int], ...]; is_whole: bool
class Remainder(msgspec.Struct, frozen=True):
    units: tuple[int, ...] = (); lines_gone: tuple[int, ...] = (); refunded_minor: int = 0
def remainder_of(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Remainder:
    return Remainder(tuple(i.quantity for i in event.order.items) if event.order else ())
def quote_items(event: Redeemed, rollbacks: Sequence[RolledBack], wanted: Sequence[tuple[int, int]], holds: Callable[[dict[str, Any], Order, int], bool]) -> Quote: raise NotImplementedError
def quote_lines(event: Redeemed, rollbacks: Sequence[RolledBack], lines: Sequence[int]) -> Quote: raise NotImplementedError
def quote_rest(event: Redeemed, rollbacks: Sequence[RolledBack]) -> Quote: raise NotImplementedError
