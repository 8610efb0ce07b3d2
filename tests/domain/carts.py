"""Random carts and discounts, as checkouts of currencies with 0, 2 and 3 decimals would send them."""

from hypothesis import strategies as st

from domain.definitions import AddedUnit, Discount, Scope, Selection
from domain.money import PPM
from domain.orders import Item, Order

# Prices of yen, cents and mills: small ones, where every rounding shows, and large ones.
PRICES = st.integers(0, 12) | st.integers(1, 40).map(lambda yen: yen * 100) | st.integers(0, 999_999)
SKUS = ("TEE", "MUG", "CAP")
CATEGORIES = ("shoes", "sale")

items = st.builds(
    Item,
    quantity=st.integers(1, 6),
    price_minor=PRICES,
    product_id=st.sampled_from(["p1", "p2"]) | st.none(),
    sku=st.sampled_from(SKUS) | st.none(),
    categories=st.lists(st.sampled_from(CATEGORIES), unique=True).map(tuple),
    collections=st.sampled_from([(), ("summer",)]),
)
shipping = st.just(0) | PRICES


def order_of(lines: list[Item], shipping_minor: int = 0) -> Order:
    return Order(sum(item.amount_minor for item in lines), tuple(lines), shipping_minor)


carts = st.builds(order_of, st.lists(items, min_size=1, max_size=5), shipping)
short_forms = st.builds(Order, PRICES, st.just(()), shipping)
orders = st.one_of(carts, carts, carts, short_forms)

selections = st.builds(
    Selection,
    products=st.sampled_from([(), ("p1",)]),
    skus=st.sampled_from([(), ("TEE",), ("MUG", "CAP")]),
    categories=st.sampled_from([(), ("shoes",)]),
    collections=st.sampled_from([(), ("summer",)]),
)
TARGETS = ("order", "items", "every", "cheapest", "most_expensive", "from_nth", "shipping")
scopes = st.builds(
    Scope,
    target=st.sampled_from(TARGETS),
    units=st.integers(1, 5),
    nth=st.integers(1, 5),
    include=st.one_of(st.just(Selection()), st.just(Selection()), selections),
    exclude=st.one_of(st.just(Selection()), st.just(Selection()), selections),
    max_per_unit_minor=st.none() | PRICES,
)
percentages = st.sampled_from([0, 100_000, 200_000, 333_333, 500_000, PPM]) | st.integers(0, PPM)


def discounts_on(
    scope: st.SearchStrategy[Scope | None], most: st.SearchStrategy[int | None]
) -> st.SearchStrategy[Discount]:
    """Discounts of every type, but without added units."""
    return st.one_of(
        st.builds(Discount, st.just("PERCENT"), percentages, most, scope),
        st.builds(Discount, st.sampled_from(["AMOUNT", "FIXED"]), PRICES, most, scope),
        st.builds(Discount, st.just("UNIT"), st.integers(1, 5), most, scope),
    )


caps = st.none() | PRICES
added = st.builds(AddedUnit, price_minor=PRICES, sku=st.just("GIFT"))
gifts = st.builds(Discount, st.just("UNIT"), st.integers(1, 3), caps, st.none() | scopes, added)
discounts = discounts_on(st.none() | scopes, caps) | gifts
stacks = st.lists(st.tuples(discounts, st.booleans()), min_size=1, max_size=4)
