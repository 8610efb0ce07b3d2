"""Stacks by property: whatever is stacked, the parts are the whole, and every refusal has its reason."""

from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decisions import Decision, Found
from domain.definitions import Discount, ProjectSettings, Redeemable
from domain.orders import Customer, Item, Order
from domain.stacking import application_order, category_of
from tests.domain import carts
from tests.domain.stacking import customers, decide, moments, projects, stacks

given_a_stack = given(stacks(), carts.orders, customers, projects, moments)


def _without_times(decision: Decision) -> Decision:
    return msgspec.structs.replace(decision, not_before_ms=0, not_after_ms=0)


def _statuses(decision: Decision) -> list[tuple[str, str | None, int]]:
    return [(part.status, part.code, part.discount_minor) for part in decision.parts]


@settings(max_examples=150)
@given_a_stack
def test_the_parts_of_a_stack_are_the_whole_to_the_minor_unit(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    decision = decide(found, order, customer, project, now_ms)
    assert len(decision.parts) == len(found)
    if decision.refusal is not None:
        assert (decision.moves, decision.lines, decision.guards, decision.order) == ((), (), (), None)
        return
    assert decision.order is not None
    items = decision.order.items
    assert items[: len(order.items)] == tuple(_kept(item, decision) for item in order.items)
    assert all(item.added for item in items[len(order.items) :])
    amount = sum(item.amount_minor for item in items) if items else order.amount_minor
    assert decision.order_value_minor == amount
    assert decision.discount_minor == sum(line.discount_minor for line in decision.lines)
    assert 0 <= decision.discount_minor <= amount + order.shipping_minor
    for line in decision.lines:
        assert min((line.discount_minor, line.shipping_discount_minor, *line.allocations)) >= 0
        if items:
            assert len(line.allocations) == len(items)
            assert sum(line.allocations) + line.shipping_discount_minor == line.discount_minor
    for at, item in enumerate(items):
        assert sum(line.allocations[at] for line in decision.lines) <= item.amount_minor
    assert sum(line.shipping_discount_minor for line in decision.lines) <= order.shipping_minor
    applied = {part.line: (number, part) for number, part in enumerate(decision.parts) if part.status == "applicable"}
    assert sorted(applied) == list(range(len(decision.lines)))
    for at, line in enumerate(decision.lines):
        number, part = applied[at]
        assert part.discount_minor == line.discount_minor
        voucher = found[number].redeemable
        assert voucher is not None
        assert (line.redeemable_id, line.code, line.campaign_id) == (voucher.id, voucher.code, voucher.campaign_id)


def _kept(item: Item, decision: Decision) -> Item:
    """What only selections read is kept only where it may be judged again."""
    if any(line.terms is not None for line in decision.lines):
        return item
    return Item(item.quantity, item.price_minor, item.product_id, item.sku)


@settings(max_examples=120)
@given_a_stack
def test_g1_a_stack_moves_each_counter_once_by_what_its_lines_take(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    decision = decide(found, order, customer, project, now_ms)
    if decision.refusal is not None:
        return
    taken = Counter[str]()
    takers: dict[str, set[int]] = {}
    for number, part in enumerate(decision.parts):
        for counter, amount, _ in decision.lines[part.line].moves if part.status == "applicable" else ():
            assert amount > 0
            taken[counter] += amount
            takers.setdefault(counter, set()).add(number)
    assert {move.counter: move.amount for move in decision.moves} == taken
    assert len(decision.moves) == len(decision.owners) == len(decision.refusals) == len(taken)
    limits = {}
    for each in found:
        for definition in (each.redeemable, each.campaign):
            if definition is not None:
                limits[f"r:{definition.id}"] = definition.limit
                limits[f"b:{definition.id}"] = definition.budget_minor
                limits[f"u:{definition.id}:bob"] = definition.per_customer_limit
    for move, owner in zip(decision.moves, decision.owners, strict=True):
        assert decision.parts[owner].status == "applicable"
        asks_first = {
            number
            for number, each in enumerate(found)
            if decision.parts[number].status == "applicable" and "rul_first" in _rule_ids(each)
        }
        if move.counter.startswith("o:"):
            assert (move.limit == 1) == bool(asks_first)
            assert owner in asks_first or not asks_first, "a customer's second order falls on who asks for the first"
        else:
            assert owner in takers[move.counter], "it falls on one that takes of it"
        if limits.get(move.counter) is not None:
            assert move.limit == limits[move.counter]
    for guard, owner in zip(decision.guards, decision.guard_owners, strict=True):
        assert (guard.counter, guard.at_least, guard.at_most) == ("o:prj:bob", 1, None)
        assert "rul_again" in _rule_ids(found[owner])


def _rule_ids(found: Found) -> set[str]:
    return {each.definition.id for each in found.rules}


@settings(max_examples=150)
@given(stacks(), carts.orders, customers, projects, moments, moments)
def test_g6_a_stack_is_decided_alike_at_every_time_in_the_interval_that_it_names(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int, later_ms: int
) -> None:
    first = decide(found, order, customer, project, now_ms)
    assert decide(found, order, customer, project, now_ms) == first, "a pure function"
    assert first.not_before_ms <= now_ms
    assert first.not_after_ms == 0 or now_ms < first.not_after_ms
    for time_ms in (later_ms, first.not_before_ms, first.not_after_ms - 1):
        if first.not_before_ms <= time_ms and (first.not_after_ms == 0 or time_ms < first.not_after_ms):
            assert _without_times(decide(found, order, customer, project, time_ms)) == _without_times(first)


@settings(max_examples=120)
@given(stacks(fewest=3), carts.orders, customers, projects, moments, st.data())
def test_a_stack_without_what_a_limit_refused_is_the_stack_of_the_others(
    found: list[Found],
    order: Order,
    customer: Customer | None,
    project: ProjectSettings,
    now_ms: int,
    data: st.DataObject,
) -> None:
    project = msgspec.structs.replace(project, mode="PARTIAL")
    number = data.draw(st.integers(0, len(found) - 1))
    left_out = decide(found, order, customer, project, now_ms, {number: "limit_reached"})
    others = decide([*found[:number], *found[number + 1 :]], order, customer, project, now_ms)
    said = _statuses(left_out)
    known = found[number].redeemable is not None
    assert said.pop(number) == ("inapplicable", "limit_reached" if known else "voucher_not_found", 0)
    assert said == _statuses(others)
    assert (left_out.lines, left_out.moves) == (others.lines, others.moves)


@settings(max_examples=120)
@given_a_stack
def test_a_stack_is_applied_whole_or_in_part_as_the_project_says(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    every = decide(found, order, customer, msgspec.structs.replace(project, mode="ALL"), now_ms)
    some = decide(found, order, customer, msgspec.structs.replace(project, mode="PARTIAL"), now_ms)
    assert _statuses(every) == _statuses(some)
    refused = [part.code for part in some.parts if part.status == "inapplicable"]
    if "contended" in refused:  # settings that came before a rule: they are read anew, whoever else is refused
        assert every.refusal == some.refusal == "contended"
        return
    applied = [part for part in some.parts if part.status == "applicable"]
    nothing = refused[0] if refused and len(found) == 1 else None if applied else "nothing_applicable"
    assert some.refusal == nothing
    assert every.refusal == (refused[0] if refused else nothing)
    if every.refusal is None:
        assert every == some


@settings(max_examples=250)
@given_a_stack
def test_what_a_stack_skips_had_no_room_or_no_effect(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    decision = decide(found, order, customer, msgspec.structs.replace(project, mode="PARTIAL"), now_ms)
    before: list[str | None] = []
    lines = 0
    for number in application_order(found, project.category_order):
        part, category = decision.parts[number], category_of(found[number])
        fits = len(before) < project.most_applied
        joins = all(_go_together(project, category, other) for other in before)
        if part.status == "applicable":
            assert (fits, joins, part.line) == (True, True, lines), "lines stand in the order of application"
            before.append(category)
            lines += 1
        elif part.code == "stack_full":
            assert not fits
        elif part.code == "stack_excluded":
            assert not joins
        elif part.code == "no_effect":
            assert (part.status == "skipped") == (project.no_effect == "SKIP" and len(found) > 1)
            assert project.no_effect != "APPLY"
        else:
            assert part.status == "inapplicable"


def _go_together(project: ProjectSettings, new: str | None, other: str | None) -> bool:
    """An exclusive one that is applied leaves room for its own category and for joint ones; a new exclusive one finds
    room beside those."""
    if new == other:
        return True
    if other in project.exclusive_categories:
        return new in project.joint_categories
    return new not in project.exclusive_categories or other in project.joint_categories


@settings(max_examples=80)
@given(stacks(fewest=2), carts.orders, customers, projects, moments)
def test_an_order_of_categories_is_that_of_a_request_that_is_sorted_by_them(
    found: list[Found], order: Order, customer: Customer | None, project: ProjectSettings, now_ms: int
) -> None:
    way = application_order(found, project.category_order)
    rank = {category: at for at, category in enumerate(project.category_order)}
    ranks = [rank.get(category_of(found[number]) or "", len(rank)) for number in way]
    assert ranks == sorted(ranks)
    assert sorted(way) == list(range(len(found)))
    plain = msgspec.structs.replace(project, category_order=(), mode="PARTIAL")
    by_category = decide(found, order, customer, msgspec.structs.replace(project, mode="PARTIAL"), now_ms)
    as_sorted = decide([found[number] for number in way], order, customer, plain, now_ms)
    assert [by_category.parts[number] for number in way] == list(as_sorted.parts)
    assert by_category.lines == as_sorted.lines


@settings(max_examples=120)
@given(
    carts.discounts_on(st.none() | carts.scopes, carts.caps),
    st.lists(carts.items, min_size=1, max_size=5, unique_by=(lambda i: i.price_minor, lambda i: i.amount_minor)),
    st.data(),
)
def test_reordering_the_items_changes_nothing_but_a_tie(
    discount: Discount, lines: list[Item], data: st.DataObject
) -> None:
    """One discount, on items that differ in price and in amount. Where it is on some units only, those of two items may
    cost the same after all: then the odd unit goes by where they stand."""
    code = Found.of(Redeemable("vch_1", "prj", "V1", 1, False, discount=discount), None, ())
    way = data.draw(st.permutations(range(len(lines))))
    said = decide([code], carts.order_of(lines))
    moved = decide([code], carts.order_of([lines[number] for number in way]))
    assert (moved.refusal, moved.discount_minor, moved.moves) == (said.refusal, said.discount_minor, said.moves)
    if said.refusal is None:
        expected = [said.lines[0].allocations[number] for number in way]
        odd = [abs(one - other) for one, other in zip(expected, moved.lines[0].allocations, strict=True)]
        assert max(odd) <= (0 if all(item.quantity == 1 for item in lines) else 1)
