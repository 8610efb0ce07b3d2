"""What no route of cards, programs, tiers and events takes: for each, a body that it does take, and what spoils it."""

from typing import Any

from .provoking import NOWHERE

LONG, NUL = "x" * 201, "a\0b"
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]

Faults = list[tuple[dict[str, Any], str]]
"""What replaces or adds to the good body, and the pointer of the fault that is named."""


def each(name: str, *values: Any) -> Faults:
    """One field, wrong in all these ways."""
    return [({name: value}, f"/{name}") for value in values]


def within(name: str, good: dict[str, Any], faults: Faults) -> Faults:
    """The faults of an object that stands in a field."""
    return [({name: {**good, **spoilt}}, f"/{name}{pointer}") for spoilt, pointer in faults]


def listed(name: str, good: dict[str, Any], faults: Faults) -> Faults:
    """The faults of the second object of a list."""
    first = {"id": "first"} if "id" not in good else {**good, "id": "first"}
    return [({name: [{**good, **first}, {**good, **spoilt}]}, f"/{name}/1{at}") for spoilt, at in faults]


UNKNOWN: Faults = [({"colour": "red"}, "/colour"), ({"a/b~": 1}, "/a~1b~0")]
AMOUNTS: tuple[Any, ...] = (0, -1, 0.001, 1e300, 10**11, "5", True, None, [5], {}, 5e-324)
POINTS: tuple[Any, ...] = (0, -1, 1.5, "5", True, 10**9 + 1, 10**40, [], None)
TIMES: tuple[Any, ...] = (
    *("now", "", "1969-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"),
    *("2026-13-01T00:00:00Z", "2026-02-30", "24:00", LONG, NUL, 5, True, []),
)
IDS: tuple[Any, ...] = ("", "x" * 129, NUL, 5, True, [], {"id": "x"})
METADATA: Faults = [
    *each("metadata", [], "x", 5, {"a": NUL}, {NUL: 1}, {"a": {"b": [NUL]}}, {"a": "x" * 20_000}, {"a": DEEP}),
]
OPTIONAL_AMOUNTS = tuple(value for value in AMOUNTS if value is not None)
OPTIONAL_POINTS = tuple(value for value in POINTS if value is not None)

CARD = {"amount": 50}
SPENDING = {"points": 100, "amount": 1}
REWARD = {"id": "mug", "name": "Mug", "points": 10, "discount_type": "AMOUNT", "discount_value": 5}
EARNING = {"id": "paid", "event": "order.paid", "points": 1, "per": 1}
LEVEL = {"id": "gold", "name": "Gold", "from_points": 10, "factor": 2}
TIER = {"name": "Tier", "discount_type": "AMOUNT", "discount_value": 5}
EVENT = {"type": "order.paid", "customer_id": "bad-1", "order": {"id": "bad-1", "amount": 5}}
LINE = {"sku": "TEE", "price": 5, "quantity": 1}

OF_CARDS: Faults = [
    *each("amount", *AMOUNTS),
    *each("code", "", "..", "a b/c", "é", "x" * 65, "x" * 500, NUL, 5, []),
    *each("customer_id", *IDS),
    *each("starts_at", *TIMES),
    *each("expires_at", *TIMES),
    ({"starts_at": "2090-01-01T00:00:00Z", "expires_at": "2089-01-01T00:00:00Z"}, "/expires_at"),
    *each("active", "yes", 1, None, []),
    *each("category", "", "x" * 65, NUL, 5),
    *each("campaign_id", "", "x" * 65, NUL, 5),
    *METADATA,
    *UNKNOWN,
]
OF_CHANGES: Faults = [
    fault for fault in OF_CARDS if fault[1] in ("/customer_id", "/starts_at", "/expires_at", "/category")
]
OF_PROGRAMS: Faults = [
    *each("name", "", LONG, NUL, 5, None, []),
    *within("spending", SPENDING, [*each("points", *OPTIONAL_POINTS), *each("amount", *OPTIONAL_AMOUNTS), *UNKNOWN]),
    *within(
        "spending", SPENDING, [*each("min_points", *OPTIONAL_POINTS), *each("max_percent", 0, -1, 101, 0.00001, "5")]
    ),
    *within("spending", {}, [({"points": 1}, "/amount"), ({"amount": 1}, "/points")]),
    *each("spending", "x", [], 5),
    *each("rewards", "x", {}, 5),
    ({"rewards": [REWARD] * 2}, "/rewards/1/id"),
    *listed("rewards", REWARD, [*each("points", *POINTS), *each("name", "", LONG, 5), *UNKNOWN]),
    *listed("rewards", REWARD, [*each("id", "", "a b", "x" * 65, 5), *each("discount_value", -1, 10**12, "5", 0.001)]),
    ({"rewards": [{**REWARD, "id": f"r{n}"} for n in range(21)]}, "/rewards"),
    ({"rewards": ["mug"]}, "/rewards/0"),
    *listed("earning_rules", EARNING, [*each("points", *POINTS), *each("per", *OPTIONAL_AMOUNTS), *UNKNOWN]),
    *listed("earning_rules", EARNING, each("event", "", "Order.Paid", "a b", "x" * 65, NUL, 5, "order.refunded")),
    *listed("earning_rules", EARNING, [({"of": "items"}, "/items"), *each("of", "price", 5)]),
    *listed("earning_rules", EARNING, [({"rule": {"order.amount": {"gte": -1}}}, "/rule/order.amount/gte")]),
    *listed("earning_rules", EARNING, [({"rule": {"redemptions.total.day": {"lte": 1}}}, "/rule")]),
    ({"earning_rules": [{**EARNING, "id": f"r{n}"} for n in range(21)]}, "/earning_rules"),
    *listed("tiers", LEVEL, [*each("factor", 0, -1, 101, 0.00001, "2"), *each("name", "", LONG, 5), *UNKNOWN]),
    *listed("tiers", {**LEVEL, "from_points": 20}, each("from_points", -1, 1.5, "5", 10**12 + 1, 10**40)),
    ({"tiers": [LEVEL, {**LEVEL, "id": "other"}]}, "/tiers"),
    ({"tiers": [{**LEVEL, "id": f"t{n}", "from_points": n} for n in range(11)]}, "/tiers"),
    *each("pending_days", -1, 366, 1.5, "5", 10**40),
    ({"expiry": {}}, "/expiry"),
    ({"expiry": {"days": 5, "end_of": "year"}}, "/expiry"),
    ({"expiry": {"days": 5, "after_months": 1}}, "/expiry/after_months"),
    *within("expiry", {}, each("days", 0, -1, 3651, 1.5, "5")),
    *within("expiry", {"end_of": "year"}, each("after_months", -1, 121, "5")),
    *within("expiry", {}, each("end_of", "week", 5)),
    *within("rules", {}, [*each("max_redemptions", 0, -1, 10**40), *each("starts_at", *TIMES), *UNKNOWN]),
    *METADATA,
    *UNKNOWN,
]
OF_LOYALTY_CARDS: Faults = [
    *each("customer_id", None, *IDS),
    *each("code", "", "..", "a/b", "x" * 65, NUL, 5),
    *METADATA,
    *UNKNOWN,
]
OF_ADJUSTMENTS: Faults = [
    *each("points", 0, 1.5, "5", True, None, 10**9 + 1, -(10**9) - 1, 10**40, []),
    *each("reason", "", "x" * 501, NUL, None, 5),
    *UNKNOWN,
]
OF_EVENTS: Faults = [
    *each("type", "", "Order", "a b", "x" * 65, NUL, 5, None),
    *each("id", *IDS),
    *each("customer_id", *IDS),
    *each("occurred_at", *TIMES),
    *each("order", "x", [], 5),
    *within("order", {"amount": 5}, [({}, "/id"), *each("id", *IDS)]),
    *within("order", {"id": "bad-1"}, [({}, "/items"), *each("amount", -1, 0.001, "5", 10**11, 1e300, True)]),
    *within("order", {"id": "bad-1", "amount": 5}, [*each("total", -1, 0.001, "5", 10**11), *UNKNOWN]),
    *within("order", {"id": "bad-1", "amount": 5}, each("shipping", -1, 0.001, "5", 10**11)),
    *within("order", {"id": "bad-1", "amount": 5}, [*each("currency", "eur", "EURO", 5)]),
    *within("order", {"id": "bad-1", "items": [LINE]}, [({"amount": 6}, "/amount")]),
    *within("order", {"id": "bad-1"}, listed("items", {"sku": "TEE", "price": 5}, each("quantity", 0, -1, 1.5, 10**7))),
    *within("order", {"id": "bad-1"}, [({"items": [{"price": 5}]}, "/items/0"), ({"items": [LINE] * 101}, "/items")]),
    *within("order", {"id": "bad-1"}, [({"items": [{**LINE, "price": -1}]}, "/items/0/price")]),
    *within("order", {"id": "bad-1"}, [({"items": [{**LINE, "sku": NUL}]}, "/items/0/sku")]),
    ({"metadata": {"a/b": {"x": 1}}}, "/metadata/a~1b"),
    ({"metadata": {"a": None}}, "/metadata/a"),
    ({"metadata": {"a": "x" * 501}}, "/metadata/a"),
    ({"metadata": {"a": DEEP}}, "/metadata/a"),
    ({"metadata": {str(n): 1 for n in range(51)}}, "/metadata"),
    *each("metadata", [], "x", 5),  # an event's is judged and not kept
    *UNKNOWN,
    ({"type": "order.refunded", "order": {"id": "bad-1", "amount": 0}}, "/order/amount"),
    ({"type": "order.refunded", "order": {"id": "bad-1", "total": 5}}, "/order/total"),
    ({"type": "order.refunded", "order": {"amount": 5}}, "/order/id"),
]
OF_REFERRALS: Faults = [
    *each("name", "", LONG, NUL, 5, None),
    *each("identity_keys", ["email"], ["A"], ["a b"], [""], "device", [5], [f"k{n}" for n in range(9)]),
    *within("referrer_reward", {"type": "gift_card"}, [({}, "/amount"), *each("amount", *AMOUNTS), *UNKNOWN]),
    *within("referee_reward", {"type": "voucher"}, [({}, "/campaign_id"), *each("campaign_id", "x" * 65, 5)]),
    *within("referee_reward", {"type": "voucher"}, each("campaign_id", "cmp_x", f"cmp_{NOWHERE}", f"lty_{NOWHERE}")),
    *within("referee_reward", {"type": "points", "points": 5}, each("program_id", f"lty_{NOWHERE}", NUL, 5)),
    *within("referee_reward", {"type": "points", "program_id": f"lty_{NOWHERE}"}, each("points", *OPTIONAL_POINTS)),
    *within("referee_reward", {"type": "gift_card", "amount": 5}, [({"points": 5}, "/points")]),
    *within("referee_reward", {}, [({}, "/type"), *each("type", "money", 5, None)]),
    *within(
        "rules", {}, [*each("discount_value", -1, 10**12, "5"), *each("max_redemptions_per_code", 0, -1), *UNKNOWN]
    ),
    *METADATA,
    *UNKNOWN,
]
OF_REFERRAL_CODES: Faults = [
    *each("customer_id", None, *IDS),
    *each("email", "", "a", "a b@c", "@", "x" * 321, "a@" + "x" * 319, NUL, 5),
    *each("identity", "x", [], {"device": 5}, {"device": ""}, {"device": "x" * 321}, {f"k{n}": "x" for n in range(10)}),
    ({"identity": {"car": "x"}}, "/identity/car"),
    ({"identity": {"email": "b@c.d"}, "email": "a@c.d"}, "/identity/email"),
    *each("prefix", "", "a b", "a-b", "x" * 21, "é", NUL, 5),
    *UNKNOWN,
]
OF_TIERS: Faults = [
    *each("name", "", LONG, NUL, 5, None),
    *each("hierarchy", -1, 1_000_001, 1.5, "5", None, 10**40),
    *each("discount_value", -1, 10**12, "5", 0.001, True),
    *each("discount_type", "FREE", 5),
    *each("max_redemptions", 0, -1, 10**40, 1.5),
    *each("max_redemptions_per_customer", 0, -1, 10**40),
    *each("budget", *OPTIONAL_AMOUNTS),
    *each("starts_at", *TIMES),
    *each("category", "", "x" * 65, NUL, 5),
    *each("campaign_id", "", "x" * 65, NUL, 5),
    *METADATA,
    *UNKNOWN,
]
