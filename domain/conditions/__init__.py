"""The rule language: conditions on a customer, an order, its items, counts and the time, as JSON.

`check` takes what a shop has written and gives the canonical form that is stored; `to_wire` gives it back;
`compile_rule` makes of the canonical form what decisions ask. docs/rules.md is the language for its users.

Must never read a count, a clock or a store: a condition on a count becomes a move or a guard for the commit, and the
time is a fact like any other.
"""

from .checking import check, check_membership
from .compiling import Compiled, compile_rule
from .items import item_test
from .shapes import Count, Facts, Failing, Fault, Judgement
from .wire import to_wire

__all__ = [
    "Compiled",
    "Count",
    "Facts",
    "Failing",
    "Fault",
    "Judgement",
    "check",
    "check_membership",
    "compile_rule",
    "item_test",
    "to_wire",
]
