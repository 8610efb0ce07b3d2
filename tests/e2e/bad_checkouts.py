"""What no checkout takes of cards, tiers, customers and qualifications, and the field that is named."""

from .bad_terms import NUL, UNKNOWN, Faults, each, within
from .provoking import NOWHERE

SPENT: Faults = [
    *each("amount", 0, -1, 0.001, "x", True, 10**13, 1e300, [], {}),
    *each("points", 0, -1, 1.5, "5", True, 10**12 + 1, 10**40, []),
    *each("reward", "", "x" * 65, 5, []),
    ({"amount": 5, "points": 5}, "/points"),
    ({"amount": 5, "reward": "mug"}, "/reward"),
    ({"points": 5, "reward": "mug"}, "/reward"),
]
OF_CUSTOMERS: Faults = [
    *within("customer", {"id": "bad-1"}, each("email", "", "a", "x" * 321, 5, [])),
    *within("customer", {"id": "bad-1"}, each("identity", "x", [], {"device": 5}, {"device": ""})),
    *within("customer", {"id": "bad-1"}, each("identity", {"x" * 65: "x"}, {"device": "x" * 257})),
    *within("customer", {"id": "bad-1"}, each("identity", {f"k{n}": "x" for n in range(9)})),
    ({"customer": {"id": "bad-1", "email": "a@b.c", "identity": {"email": "b@b.c"}}}, "/customer/identity/email"),
    ({"customer": {"id": NUL}}, "/customer/id"),
]
OF_REDEEMABLES: Faults = [
    *each("object", "coupon", "customer", "", 5, None),
    *[({"object": object_, "id": id_}, "/id") for object_ in ("gift_card", "loyalty_card") for id_ in ("", "a/b", "é")],
    *[({"object": "promotion_tier", "id": id_}, "/id") for id_ in ("", "SAVE", "tier_", f"tier_{NOWHERE}0", NUL)],
    *[({"object": "promotion_tier", "id": id_}, "/id") for id_ in (f"gft_{NOWHERE}", f"TIER_{NOWHERE}", 5, "x" * 201)],
    *UNKNOWN,
]
OF_QUALIFICATIONS: Faults = [
    *each("limit", 0, -1, 101, 1.5, "5", True, 10**40),
    *each("cursor", "", "x", "é", "AAAA", "x" * 513, 5, "WzAsMCwwXQ", NUL),
    *each("best_stack", "yes", 5, []),
    *within("best_stack", {}, [*each("time_ms", 0, -1, 1001, 1.5, "5", 10**40), *UNKNOWN]),
    *within("best_stack", {}, each("include", "gift_card", ["voucher"], [5], ["gift_card"] * 3)),
    *each("redeemables", [], [{"id": "A"}]),
    *each("amount", 5),
    *each("points", 5),
    *each("reward", "mug"),
    *each("order", {}, {"items": []}, "x"),
    ({"order_value": 5}, "/order/amount"),
    *OF_CUSTOMERS,
    *UNKNOWN,
]
