"""Random rules, as a shop would write them, and random facts to judge them by: small enough that they often meet."""

from decimal import Decimal
from functools import cache
from typing import Any

from hypothesis import strategies as st

from domain.conditions import Facts
from domain.orders import Customer, Item, Order

Rule = dict[str, Any]
ZONES = ["UTC", "Europe/Paris", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu"]
names = st.sampled_from(["a", "ab", "b", "c/d~"])
counts = st.integers(0, 4)
attributes = st.sampled_from(["a", "ab", "b", True, False, 0, 1, 2, Decimal("1.5"), Decimal("2.0")])
# What a store may give back of what was once written with decimals.
stored = attributes | st.sampled_from([1.5, 1.0]) | st.lists(attributes, max_size=3) | st.none()
days = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
hours = st.integers(0, 23)
times = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "18:00", "23:59"])
dates = st.sampled_from(["2026-03-28", "2026-03-29", "2026-03-30", "2026-10-25", "2026-10-26"])


def amounts(decimals: int) -> st.SearchStrategy[Decimal]:
    return counts.map(lambda minor: Decimal(minor).scaleb(-decimals))


def operators(values: st.SearchStrategy[Any], ordered: bool = True) -> list[st.SearchStrategy[Rule]]:
    plain = [st.fixed_dictionaries({op: values}) for op in ("eq", "ne")]
    plain += [st.fixed_dictionaries({op: st.lists(values, min_size=1, max_size=3)}) for op in ("in", "not_in")]
    if ordered:
        plain += [st.fixed_dictionaries({op: values}) for op in ("gt", "gte", "lt", "lte")]
        plain.append(st.tuples(values, values).map(lambda two: {"between": sorted(two)}))
        plain.append(st.tuples(values, values).map(lambda two: {"gte": two[0], "lte": two[1]}))
    return plain


exists = st.fixed_dictionaries({"exists": st.booleans()})
texts = st.one_of(
    *operators(names, ordered=False),
    exists,
    *(st.fixed_dictionaries({op: names}) for op in ("contains", "starts_with")),
)
sets = st.one_of(*operators(names, ordered=False), exists)
numbers_or_texts = st.sampled_from([0, 1, 2, Decimal("1.5")]) | names
of_metadata = st.one_of(
    *operators(attributes, ordered=False),
    exists,
    *(st.fixed_dictionaries({op: numbers_or_texts}) for op in ("gt", "gte", "lt", "lte")),
    st.fixed_dictionaries({"contains": attributes}),
    st.fixed_dictionaries({"starts_with": names}),
    st.sampled_from([{"between": [0, Decimal("1.5")]}, {"between": ["a", "b"]}]),
)


def under(name: str, inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    return st.fixed_dictionaries({name: inner})


def leaves(fields: dict[str, st.SearchStrategy[Rule]]) -> st.SearchStrategy[Rule]:
    return st.one_of(*(under(name, inner) for name, inner in fields.items()))


def tree(draw: st.DrawFn, leaf: st.SearchStrategy[Rule], deeper: int) -> Rule:
    """A condition of at most `deeper` joins in one another; more often a leaf than a join."""
    join = draw(st.sampled_from(["leaf", "leaf", "leaf", "all", "any", "not"])) if deeper else "leaf"
    if join == "leaf":
        return draw(leaf)
    if join == "not":
        return {"not": tree(draw, leaf, deeper - 1)}
    return {join: [tree(draw, leaf, deeper - 1) for _ in range(draw(st.integers(1, 3)))]}


def zoned(values: list[st.SearchStrategy[Rule]]) -> st.SearchStrategy[Rule]:
    beside: st.SearchStrategy[Rule] = under("tz", st.sampled_from(ZONES)) | st.just({})
    return st.tuples(st.one_of(*values), beside).map(lambda two: two[0] | two[1])


ranges = (
    st.tuples(times, times | st.just("24:00")).filter(lambda two: two[0] != two[1]).map(lambda two: {"between": [*two]})
)
time_leaves = leaves(
    {
        "time.weekday": zoned(operators(days, ordered=False)),
        "time.hour": zoned([*operators(hours), st.tuples(hours, hours).map(lambda two: {"between": [*two]})]),
        "time.time": zoned([times.map(lambda t: {"gte": t}), times.map(lambda t: {"lt": t}), ranges]),
        "time.date": zoned(operators(dates)),
    }
)


@cache
def item_leaves(decimals: int) -> st.SearchStrategy[Rule]:
    money = st.one_of(*operators(amounts(decimals)))
    return leaves(
        {
            "product": texts,
            "sku": texts,
            "category": sets,
            "collection": sets,
            "price": money,
            "quantity": st.one_of(*operators(counts)),
            "amount": money,
            "metadata.x": of_metadata,
        }
    )


@st.composite
def item_conditions(draw: st.DrawFn, decimals: int) -> Rule:
    return tree(draw, item_leaves(decimals), 1)


@cache
def fact_leaves(decimals: int) -> st.SearchStrategy[Rule]:
    money, number, item = (
        st.one_of(*operators(amounts(decimals))),
        st.one_of(*operators(counts)),
        item_conditions(decimals),
    )
    quantifiers = [under(name, item) for name in ("any", "every", "none", "cheapest", "most_expensive")]
    counted = st.tuples(item, number).map(lambda two: {"count": {"where": two[0]} | two[1]})
    return leaves(
        {
            "customer.id": texts,
            "customer.segment": sets,
            "customer.metadata.x": of_metadata,
            "order.amount": money,
            "order.discounted_amount": money,
            "order.shipping": money,
            "order.items_count": number,
            "order.lines_count": number,
            "order.metadata.x": of_metadata,
            "order.items": st.one_of(
                *quantifiers, counted, st.tuples(quantifiers[0], counted).map(lambda t: t[0] | t[1])
            ),
            "metadata.x": of_metadata,
        }
    )


def rule(draw: st.DrawFn, decimals: int, deeper: int) -> Rule:
    """At the most four conditions in one another, and two more of an item."""
    return tree(draw, fact_leaves(decimals) | time_leaves, deeper)


@st.composite
def timed_rules(draw: st.DrawFn) -> Rule:
    return tree(draw, time_leaves, 2)


some_names = st.lists(names, max_size=2).map(tuple)
metadata = st.fixed_dictionaries({}, optional={"x": stored})
items = st.builds(
    Item, st.integers(1, 3), st.integers(0, 3), st.none() | names, st.none() | names, some_names, some_names, metadata
)
customers = st.none() | st.builds(Customer, names, st.just(1), some_names, metadata)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines = tuple(draw(st.lists(items, max_size=4)))
    amount = sum(item.amount_minor for item in lines) if lines else draw(counts)
    return Order(amount, lines, draw(counts), metadata=draw(metadata))


# Five days around each change of the clocks in Paris in 2026, and some others' days too.
MARCH_MS, OCTOBER_MS = 1_774_746_000_000, 1_792_890_000_000
moments = st.builds(
    lambda base, minutes: base + minutes * 60_000,
    st.sampled_from([MARCH_MS, OCTOBER_MS, 1_775_305_800_000, 1_775_358_000_000, 1_788_667_200_000]),
    st.integers(-3000, 3000),
)


@cache
def facts(decimals: int) -> st.SearchStrategy[Facts]:
    return st.builds(
        Facts, orders(), counts, customers, metadata, st.just("key_1"), moments, st.just("EUR"), st.just(decimals)
    )


@st.composite
def cases(draw: st.DrawFn, deeper: int = 3) -> tuple[Rule, Facts]:
    """A rule as it was written, and facts in the same currency."""
    decimals = draw(st.sampled_from([0, 2, 3]))
    return rule(draw, decimals, deeper), draw(facts(decimals))
