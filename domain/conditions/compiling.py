"""A rule as closures: what a decision asks of it, at no more cost than its conditions.

Must never look at the rule's JSON once it is compiled, but to say which condition has failed.
"""

from typing import Any

from domain.orders import Order

from .building import Builder, Counted
from .calendars import Moment, bucket
from .reading import Moments
from .remedies import of_missing_customer
from .shapes import Count, Facts, Failing, Judgement


class Compiled:
    """A rule, ready to judge.

    needs_customer: it reads what is stored of the customer. needs_products: it reads what is stored of products.
    asks_first_order: customers' orders have to be counted. limits: its count conditions and their limits.
    """

    def __init__(self, rule: dict[str, Any]) -> None:
        builder = Builder(order_only=False)
        self._root = builder.node(rule, "", positive=True)
        self._of_order = Builder(order_only=True).node(rule, "", positive=True).test
        self._clocks = tuple(builder.clocks.values())
        self._counted = tuple(builder.counted)
        self._first_order, self._first_order_failing = builder.first_order
        self._needs_holder = builder.first_order[0] is not None or any(c.holder == "customer" for c in self._counted)
        self.needs_customer = builder.needs_customer
        self.needs_products = builder.needs_products
        self.asks_first_order = self._first_order is not None
        self.limits = tuple((counted.name, counted.limit) for counted in self._counted)

    def judge(self, facts: Facts) -> Judgement:
        """What the rule says of the facts, and for how long."""
        moments, start_ms, end_ms = self._read_clocks(facts.now_ms)
        if not self._root.test(facts, moments):
            failing = tuple(self._root.explain(facts, moments))
            return Judgement(False, "rule_not_met", failing, not_before_ms=start_ms, not_after_ms=end_ms)
        if self._needs_holder and facts.customer is None:
            failing = self._unheld()
            return Judgement(False, "customer_required", failing, not_before_ms=start_ms, not_after_ms=end_ms)
        counts = tuple([self._count(counted, facts, moments) for counted in self._counted])
        return Judgement(True, "", (), counts, self._first_order, start_ms, end_ms)

    def holds_for_order(self, order: Order, discounted_minor: int) -> bool:
        """Whether it holds as far as an order decides it: every other condition counts as met."""
        return self._of_order(Facts(order, discounted_minor), ())

    def refused(self, name: str) -> Failing | None:
        """The condition whose move or guard the commit has refused: the name of a count, or "customer.first_order"."""
        if name == "customer.first_order":
            return self._first_order_failing
        return next((counted.failing for counted in self._counted if counted.name == name), None)

    def _read_clocks(self, now_ms: int) -> tuple[Moments, int, int]:
        moments: list[Moment] = []
        start_ms = end_ms = 0
        for clock in self._clocks:
            moment, since_ms, until_ms = clock.moment(now_ms)
            moments.append(moment)
            start_ms = max(start_ms, since_ms)
            end_ms = min(end_ms or until_ms, until_ms)
        return tuple(moments), start_ms, end_ms

    def _count(self, counted: Counted, facts: Facts, moments: Moments) -> Count:
        holder = ""
        if counted.holder == "customer":
            holder = facts.customer.id if facts.customer else ""
        elif counted.holder == "api_key":
            holder = facts.api_key_id
        day = moments[counted.clock].date if counted.period != "total" else ""
        return Count(counted.name, bucket(counted.period, day), holder, counted.limit)

    def _unheld(self) -> tuple[Failing, ...]:
        """The conditions that count a customer."""
        asked = [counted.failing for counted in self._counted if counted.holder == "customer"]
        if self._first_order_failing is not None:
            asked.append(self._first_order_failing)
        return tuple([Failing(one.pointer, one.condition, of_missing_customer()) for one in asked])


def compile_rule(canonical: dict[str, Any]) -> Compiled:
    """Closures of the canonical form that `check` has given."""
    return Compiled(canonical)
