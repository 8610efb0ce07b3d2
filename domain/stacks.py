"""Stacks: up to thirty redeemables on one order, decided together and committed as one.

Owns the order of application, exclusivity, rules and what each redeemable is told. A single code on an order with
items, or with rules, is a stack of one. Must never read a count or a clock; the same definitions, request and time
give the same decision.
"""

from collections.abc import Mapping, Sequence

import msgspec

from . import definitions as names
from .conditions import Facts, Failing, Judgement
from .decisions import Decision, Found, Part, Request, Surroundings, Wanted
from .definitions import Redeemable
from .effects import Cart, Effect
from .events import Line, OrderPart
from .ledger import Check, Guard
from .orders import Item, Order
from .spending import Spending, spend
from .stacking import (
    application_order,
    category_of,
    counted,
    customer_of,
    enrich,
    judge_segments,
    line_of,
    merge,
    not_found,
    refers_oneself,
    why_no_room,
)
from .taking import (
    Planned,
    checks_of,
    counts_customers,
    is_card,
    moves_of,
    order_move,
    plan_of,
    settings_check,
    standing_of,
)


def decide_stack(
    found: Sequence[Found],
    request: Request,
    around: Surroundings,
    now_ms: int,
    epoch: int,
    refused: Mapping[int, str] | None = None,
) -> Decision:
    """Judge redeemables for an order, each on what the ones before it have left. `refused` are those that a limit
    has refused already, with the code. A stack of one is refused with the code of that one."""
    work = _Work(found, request, around, now_ms, epoch, refused or {})
    for number in application_order(found, around.settings.category_order, request.wanted):
        work.consider(number)
    return work.decision()


class _Work:
    """One decision in the making."""

    def __init__(
        self,
        found: Sequence[Found],
        request: Request,
        around: Surroundings,
        now_ms: int,
        epoch: int,
        refused: Mapping[int, str],
    ) -> None:
        self.found = found
        self.request = request
        self.settings = around.settings
        self.around = around
        self.now_ms = now_ms
        self.epoch = epoch
        self.refused = refused
        self.stated = request.order or Order(request.order_value_minor)
        self.order = enrich(self.stated, around.products, around.skus)
        self.customer = customer_of(request, around.customer)
        self.cart = Cart(self.order)
        self.parts: dict[int, Part] = {}
        self.lines: list[Line] = []
        self.planned: list[tuple[int, Planned]] = []
        self.guards: dict[Guard, int] = {}
        self.first_order_asked: int | None = None
        self.applied_categories: list[str | None] = []
        self.not_before_ms = 0
        self.not_after_ms = 0

    def consider(self, number: int) -> None:
        """Apply one redeemable to what the others have left, or say why not."""
        found = self.found[number]
        if found.redeemable is None:
            self._refuse(number, not_found(self.wanted(number)))
            return
        if number in self.refused:
            self._refuse(number, self.refused[number])
            return
        code, not_before_ms, not_after_ms = standing_of(
            found.plan or plan_of(found.redeemable, found.campaign), self.now_ms
        )
        self._narrow(not_before_ms, not_after_ms)
        if code is None and found.redeemable.object == "referral_code":
            code = refers_oneself(found.redeemable, self.customer)
        if code is None and self.customer is None and counts_customers(found.redeemable, found.campaign):
            code = "customer_required"
        if code is not None:
            self._refuse(number, code)
            return
        skipped = None
        if found.redeemable.object != "gift_card":
            skipped = why_no_room(self.settings, self.applied_categories, category_of(found))
        if found.redeemable.object == "referral_code" and any(line.object == "referral_code" for line in self.lines):
            skipped = "stack_excluded"  # one customer is referred by one
        if skipped is not None:
            self.parts[number] = Part("skipped", skipped)
            return
        judgements = self._judge(found)
        for judgement in judgements:
            self._narrow(judgement.not_before_ms, judgement.not_after_ms)
        failing = [judgement for judgement in judgements if not judgement.holds]
        if failing:
            self._refuse(number, failing[0].code, tuple(one for judgement in failing for one in judgement.failing))
            return
        if not self.settings.orders_counted_since and any(each.first_order is not None for each in judgements):
            self._refuse(number, "contended")  # the settings that came before this rule are still to be read
            return
        self._apply(number, found, found.redeemable, judgements)

    def _narrow(self, not_before_ms: int, not_after_ms: int) -> None:
        self.not_before_ms = max(self.not_before_ms, not_before_ms)
        if not_after_ms:
            self.not_after_ms = min(self.not_after_ms or not_after_ms, not_after_ms)

    def _refuse(self, number: int, code: str, failing: tuple[Failing, ...] = ()) -> None:
        self.parts[number] = Part("inapplicable", code, failing)

    def _judge(self, found: Found) -> list[Judgement]:
        facts = Facts(
            order=self.order,
            discounted_minor=self.cart.discounted_minor,
            customer=self.customer,
            metadata=self.request.metadata or {},
            api_key_id=self.around.api_key_id,
            now_ms=self.now_ms,
            currency=self.around.currency,
            decimals=self.around.decimals,
        )
        judgements = [rule.compiled.judge(facts) for rule in found.rules]
        if found.campaign is not None and found.campaign.eligible_segments:
            judgements.append(judge_segments(found.campaign.eligible_segments, self.customer))
        return judgements

    def wanted(self, number: int) -> Wanted:
        """What the request says of this redeemable beside its name."""
        return self.request.wanted[number] if self.request.wanted else Wanted("")

    def _apply(self, number: int, found: Found, redeemable: Redeemable, judgements: Sequence[Judgement]) -> None:
        of_initial = self.settings.percent_of == "INITIAL"
        spending = Spending()
        discount = redeemable.discount or (found.campaign.discount if found.campaign is not None else None)
        if is_card(redeemable):
            spending = spend(found, redeemable, self.wanted(number), self.cart, self.around, self.now_ms)
            self._narrow(spending.not_before_ms, spending.not_after_ms)
            if spending.code is not None and spending.code != "no_effect":
                self._refuse(number, spending.code)
                return
            discount, effect, is_nothing = spending.discount, spending.effect, spending.code is not None
        else:
            effect = self.cart.effect_of(discount, of_initial) if discount is not None else Effect()
            is_nothing = discount is not None and effect.is_nothing and self.settings.no_effect != "APPLY"
        if is_nothing:
            if self.settings.no_effect != "REFUSE" and len(self.found) > 1:
                self.parts[number] = Part("skipped", "no_effect")
            else:
                self._refuse(number, "no_effect")
            return
        self.cart.take(effect)
        customer_id = self.request.customer_id
        plan = found.plan or plan_of(redeemable, found.campaign)
        planned = [*spending.planned]
        planned += moves_of(redeemable, found.campaign, plan, customer_id, effect.discount_minor, self.epoch)
        for rule, judgement in zip(found.rules, judgements, strict=False):  # the last may be that of the segments
            planned += counted(rule, judgement, self.epoch)
            self._ask_orders(number, judgement.first_order)
        self.planned += [(number, plan) for plan in planned]
        self.guards.update(dict.fromkeys(spending.guards, number))
        self.parts[number] = Part(
            "applicable", None, (), effect.discount_minor, len(self.lines), points=spending.points
        )
        bought = spending.points, spending.reward
        self.lines.append(line_of(found, redeemable, discount, effect, planned, of_initial, *bought))
        if redeemable.object != "gift_card":
            self.applied_categories.append(category_of(found))

    def _ask_orders(self, number: int, first_order: bool | None) -> None:
        if first_order is None or self.request.customer_id is None:
            return
        if first_order:
            self.first_order_asked = number
        else:
            counter = names.orders_counter(self.settings.project_id, self.request.customer_id)
            self.guards[Guard(counter, 1, None)] = number

    def decision(self) -> Decision:
        """What all of it comes to."""
        parts = tuple(self.parts[number] for number in range(len(self.found)))
        refusal = self._refusal(parts)
        checks = self._checks()
        if refusal is not None:
            return Decision(refusal, checks, self.not_before_ms, self.not_after_ms, parts=parts)
        only_first = self.first_order_asked is not None
        ordered = order_move(self.settings, self.request.customer_id, only_first)
        if ordered:
            # An order too many falls on who asks that it be the first; no other redeemable minds.
            owner = self.first_order_asked if self.first_order_asked is not None else max(self._owners())
            self.planned += [(owner, plan) for plan in ordered]
            own = tuple((move.counter, move.amount, family) for move, family, _ in ordered)
            self.lines[0] = msgspec.structs.replace(self.lines[0], moves=(*self.lines[0].moves, *own))
        moves, refusals, owners = merge(self.planned)
        cart = self.cart
        return Decision(
            refusal=None,
            checks=checks,
            not_before_ms=self.not_before_ms,
            not_after_ms=self.not_after_ms,
            discount_minor=cart.discount_minor,
            committed=any(self._is_committed(number) for number in self._owners()),
            lines=tuple(self._padded(line) for line in self.lines),
            moves=moves,
            refusals=refusals,
            owners=owners,
            guards=tuple(self.guards),
            guard_owners=tuple(self.guards.values()),
            parts=parts,
            order_value_minor=cart.amount_minor,
            order=self._kept_order(),
        )

    def _refusal(self, parts: Sequence[Part]) -> str | None:
        inapplicable = [part.code for part in parts if part.status == "inapplicable"]
        if "contended" in inapplicable:  # nobody is left out for what is only to be read anew
            return "contended"
        if inapplicable and (self.settings.mode == "ALL" or len(parts) == 1):
            return inapplicable[0]
        return None if self.lines else "nothing_applicable"

    def _owners(self) -> list[int]:
        return [number for number, part in self.parts.items() if part.status == "applicable"]

    def _is_committed(self, number: int) -> bool:
        voucher, campaign = self.found[number].redeemable, self.found[number].campaign
        return (voucher is not None and voucher.committed) or (campaign is not None and campaign.committed)

    def _padded(self, line: Line) -> Line:
        """Items that were added after a line's turn have nothing of its discount."""
        missing = len(self.cart.items) - len(line.allocations)
        if missing <= 0:
            return line
        return msgspec.structs.replace(line, allocations=(*line.allocations, *(0,) * missing))

    def _kept_order(self) -> OrderPart:
        """The order as a redemption keeps it: what only rules and selections read, only where it may be judged
        again."""
        stated, items = self.stated, self.cart.items
        if any(line.terms is not None for line in self.lines):
            return OrderPart(stated.id, b"", tuple(items), stated.shipping_minor, stated.metadata)
        plain = [Item(item.quantity, item.price_minor, item.product_id, item.sku, added=item.added) for item in items]
        return OrderPart(stated.id, b"", tuple(plain), stated.shipping_minor)

    def _checks(self) -> tuple[Check, ...]:
        around, settings = self.around, self.settings
        checks = [settings_check(settings.project_id, settings.version)]
        for found in self.found:
            if found.absent is not None:
                checks.append(found.absent)
            if found.redeemable is not None:
                checks += checks_of(found.redeemable, found.campaign)
            checks += [Check(names.rule_key(rule.definition.id), rule.definition.version) for rule in found.rules]
        if around.customer is not None:
            key = names.customer_key(settings.project_id, around.customer.id)
            checks.append(Check(key, around.customer.version))
        for product in around.products.values():
            checks.append(Check(names.product_key(settings.project_id, product.id), product.version))
        for sku in around.skus.values():
            checks.append(Check(names.sku_key(settings.project_id, sku.id), sku.version))
        return tuple(dict.fromkeys(checks))
