"""What an erased person leaves in events: the database makes them blank by itself, and as the codec would have."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.definitions import Discount
from domain.events import (
    Hold,
    Line,
    OrderPart,
    Redeemed,
    Referral,
    Released,
    Reserved,
    RolledBack,
    Settled,
    Terms,
    encode,
)
from domain.orders import Item
from domain.receipts import names_customer

texts = st.text(max_size=300)
few = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
numbers = st.integers(0, 2**53 - 1) | st.sampled_from([0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32])
names = st.sampled_from(
    ["r:vch_1", "u:vch_1:bob", "o:prj_1:bob", "t:rul_1:customer.day:2026-01-01:bob", "t:rul_1:all:x:", "b:cmp_1", "w:x"]
)
moves = st.lists(st.tuples(names, numbers, few), max_size=40).map(tuple)
items = st.builds(
    Item,
    st.integers(1, 100),
    numbers,
    product_id=few,
    metadata=st.dictionaries(
        few, few | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**40), 0), max_size=3
    ),
)
terms = st.builds(Terms, st.just(Discount("PERCENT", 2000)), st.lists(st.just({"all": []})).map(tuple), st.booleans())
lines = st.builds(
    Line,
    st.just("voucher"),
    few,
    st.none() | few,
    few,
    numbers,
    moves,
    st.lists(numbers, max_size=20).map(tuple),
    numbers,
    st.booleans(),
    st.none() | terms,
)
orders = st.builds(
    OrderPart, st.none() | few, st.binary(max_size=64), st.lists(items, max_size=20).map(tuple), numbers,
    st.dictionaries(few, few, max_size=3),
)  # fmt: skip
redemptions = st.builds(
    Redeemed,
    *(few, few, few, st.binary(max_size=300), st.none() | texts, st.none() | texts, st.just("EUR"), st.integers(0, 4)),
    *(numbers, numbers, st.booleans(), st.lists(lines, min_size=1, max_size=18).map(tuple), st.none() | orders),
    *(st.none() | st.builds(Hold, few, few), st.booleans()),
    st.lists(st.tuples(few, few, few, few), max_size=3).map(tuple),
    st.none() | st.builds(Referral, st.just(1), few, few, few),
)
rollbacks = st.builds(
    RolledBack,
    *(few, few, few, st.integers(0, 300), few, st.none() | few, st.binary(max_size=64), st.booleans()),
    st.none() | st.lists(st.tuples(names, numbers), max_size=40).map(tuple),
    st.lists(st.integers(0, 29), max_size=3).map(tuple),
)

RULES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def blanked(event: Redeemed) -> Redeemed:
    """The event without the person: what the answer of an erased redemption is rebuilt from."""
    kept = tuple(
        msgspec.structs.replace(line, moves=tuple(move for move in line.moves if not names_customer(move[0])))
        for line in event.lines
    )
    order = event.order
    if order is not None:
        order = OrderPart(items=order.items, shipping_minor=order.shipping_minor)
    nobody: dict[str, Any] = {"customer_id": None, "idempotency_key": None, "fingerprint": b"", "hold": None}
    return msgspec.structs.replace(event, lines=kept, order=order, referral=None, **nobody)


async def made(owner: Any, function: str, events: list[bytes]) -> list[Any]:
    rows = await owner.fetch(f"SELECT {function}(e) AS made FROM unnest($1::bytea[]) AS e", events)  # noqa: S608
    return [row["made"] for row in rows]


@pytest.mark.parametrize("kind", ["redeemed", "rolled_back"])
async def test_the_database_makes_events_blank_as_the_codec_would(owner: Any, kind: str) -> None:
    found: list[Any] = []
    events = st.lists(redemptions if kind == "redeemed" else rollbacks, min_size=1, max_size=4)

    @RULES
    @given(events)
    def find(some: list[Any]) -> None:
        found.extend(some)

    find()
    assert len(found) >= 60
    got = await made(owner, f"blank_{kind}", [encode(event) for event in found])
    for event, blank in zip(found, got, strict=True):
        if kind == "redeemed":
            assert blank == encode(blanked(event))
        else:
            left = event.moves and tuple(move for move in event.moves if not names_customer(move[0]))
            nobody = msgspec.structs.replace(event, idempotency_key=None, fingerprint=b"", moves=left)
            assert blank == encode(nobody)
    assert all(names_customer(name) == bool(is_own) for name, is_own in await _own(owner))


async def _own(owner: Any) -> list[tuple[str, bool]]:
    given_names = [*("r:x", "u:x:y", "o:p:c", "t:r:customer.day:b:c", "t:r:key.day:b:c", "t:customer.x:day::", "y:a:0")]
    rows = await owner.fetch("SELECT n AS name, counts_customer(n) AS own FROM unnest($1::text[]) AS n", given_names)
    return [(row["name"], row["own"]) for row in rows]


async def test_events_of_an_older_schema_stay_as_short_as_they_were(owner: Any) -> None:
    line = Line("voucher", "vch_1", None, "SAVE20", 5, (("r:vch_1", 1, ""), ("u:vch_1:bob", 1, "u:vch_1")))
    whole = msgspec.msgpack.decode(
        encode(Redeemed("rdm_1", "acc", "prj", b"f" * 16, "key", "bob", "EUR", 2, 10, 5, False, (line,)))
    )
    old = [*whole[:12], [whole[12][0][:6]]]  # as schema 1 had it
    (blank,) = await made(owner, "blank_redeemed", [msgspec.msgpack.encode(old)])
    assert msgspec.msgpack.decode(blank) == [
        *(*old[:4], b"", None, None, *old[7:12]),
        [["voucher", "vch_1", None, "SAVE20", 5, [["r:vch_1", 1, ""]]]],
    ]
    (rolled,) = await made(owner, "blank_rolled_back", [msgspec.msgpack.encode(["rolled_back", "rdm_1", "acc", "prj"])])
    assert msgspec.msgpack.decode(rolled) == ["rolled_back", "rdm_1", "acc", "prj"]


async def test_an_event_says_whose_it_is(owner: Any) -> None:
    def reserved(request: bytes) -> bytes:
        return encode(
            Reserved("rsv", "acc", "prj", b"", None, "s", "t", 1, "EUR", 2, 0, 0, False, request, (), identities=())
        )

    bob = Redeemed("rdm_1", "acc", "prj", b"", None, "bob", "EUR", 2, 10, 5, False, ())
    cases = [
        (encode(bob), "bob"),
        (encode(msgspec.structs.replace(bob, customer_id="b" * 40)), "b" * 40),
        (encode(msgspec.structs.replace(bob, customer_id="é" * 128)), "é" * 128),
        (encode(msgspec.structs.replace(bob, customer_id=None)), None),
        (reserved(b'{"customer": {"id": "b\\u00f6b"}}'), "böb"),
        (reserved(b'{"customer_id": "bob", "more": "' + b"x" * 70_000 + b'"}'), "bob"),
        (reserved(b'{"customer_id": "bob", "more": "' + b"x" * 300 + b'"}'), "bob"),
        (reserved(b'{"session": "bob"}'), None),
        (reserved(b"not json"), None),
        (encode(RolledBack("bob", "acc", "prj")), None),
        (encode(Released("bob", "acc", "prj", "t")), None),
        (encode(Settled("bob", "prj", "void", "bob")), None),
        (b"", None),
        (b"\x93", None),
        (b"\xc1\xc1", None),
    ]
    got = await made(owner, "customer_of_event", [event for event, _ in cases])
    assert got == [customer for _, customer in cases]


async def test_what_is_no_event_is_not_made_blank(owner: Any) -> None:
    for broken in (b"", b"\x93\xa8redeemed", encode(RolledBack("rdm_1", "acc", "prj"))):
        with pytest.raises(Exception, match=r"out of valid range|no redemption|null"):
            await made(owner, "blank_redeemed", [broken])


NAMES_CUSTOMERS = {
    # table: columns that name one, each of which the eraser lets go of, or why it need not
    "customers": {"id"},
    "customer_events": {"customer_id"},
    "customer_segments": {"customer_id"},
    "gift_cards": {"customer_id"},
    "loyalty_cards": {"customer_id"},
    "orders": {"customer_id"},
    "paid_orders": {"customer_id"},
    "publications": {"customer_id"},
    "redemptions": {"customer_id"},
    "referral_codes": {"customer_id"},
    "referral_rewards": {"customer_id"},
    "referrals": {"referrer_id", "referee_id"},
    "referrer_identities": {"customer_id"},
    "vouchers": {"customer_id"},
}


async def test_every_column_that_names_a_customer_is_the_erasers(owner: Any) -> None:
    rows = await owner.fetch(
        """SELECT table_name::text AS table, column_name::text AS name FROM information_schema.columns
        WHERE table_schema = 'public' AND (column_name ~ '(customer|referrer|referee|buyer|owner)(_id)?$'
            OR (table_name = 'customers' AND column_name = 'id'))"""
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["table"], set()).add(row["name"])
    assert found == NAMES_CUSTOMERS
    del found["customer_segments"]  # they go with the row
    for table, columns in found.items():
        may = await owner.fetchval(
            """SELECT bool_or(has_table_privilege(r, $1, 'DELETE')
                OR (SELECT bool_and(has_column_privilege(r, $1, c, 'UPDATE')) FROM unnest($2::text[]) AS c))
            FROM unnest('{vauchflow_eraser,vauchflow_app}'::text[]) AS r""",
            table,
            list(columns),
        )
        assert may, table
