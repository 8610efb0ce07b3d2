"""Receipts: whatever is altered, taken out, put in, doubled or moved in a chain is found, and named."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.proofs import Entry, Fault
from domain.receipts import START, Grant, Link, Personal, next_link, split_moves
from tests.domain.chains import CHAIN, PROJECT, chain, sign, walk

CHAINS = st.integers(1, 6).flatmap(
    lambda n: st.permutations("r" * n + "b" * (n // 2)).map(lambda letters: "r" * (n // 2) + "".join(letters))
)
"""Chains in which enough is redeemed before anything is rolled back."""


def replaced(entry: Entry, **changes: Any) -> Entry:
    return msgspec.structs.replace(entry, **changes)


def first_bad(entries: list[Entry], signed: list[Entry]) -> Fault:
    report = walk(entries, sign(signed))
    assert not report.valid
    assert report.first_bad is not None
    return report.first_bad


@given(CHAINS)
def test_a_chain_that_nobody_touched_holds(what: str) -> None:
    entries = chain(what)
    report = walk(entries, sign(entries, limit=len(what)))
    assert report.valid, report
    assert (report.count, report.rolled_back) == (what.count("r"), what.count("b"))
    assert report.net == report.count - report.rolled_back
    assert report.head == entries[-1].link
    assert (report.links, report.unopened) == (len(what), 0)


def test_a_link_is_spelled_as_it_always_was() -> None:
    """Written out by hand from docs/operating/receipts.md: whatever changes this makes every older chain invalid."""
    first, second = chain("rb")
    assert isinstance(first.effect, Grant)
    assert first.personal is not None
    fields = {
        "project_id": PROJECT,
        "chain_id": CHAIN,
        "seq": 1,
        "redemption_id": "rdm_1",
        "commitment": first.commitment,
        "effect": {"kind": "redeemed", **msgspec.to_builtins(first.effect)},
    }
    spelled = b"vauchflow/receipt/1\0" + bytes(32) + msgspec.msgpack.encode(fields)
    assert sha256(spelled).hexdigest() == first.link
    names = ["customer_id", "idempotency_key", "fingerprint", "body_sha256", "moves"]
    assert list(msgspec.to_builtins(first.personal)) == names
    assert (first.commitment or "")[:16] == "d9f184cfed530218"
    assert (first.link or "")[:16] == "21bde24f0c5e3c52"
    assert (second.link or "")[:16] == "b87a59d41a93f1c6"


def test_an_empty_chain_holds() -> None:
    assert walk([], sign([], limit=0)).valid


def altered(value: Any) -> list[Any]:
    """Every way to change one leaf of a value."""
    if isinstance(value, msgspec.Struct):
        return [
            msgspec.structs.replace(value, **{name: other})
            for name in value.__struct_fields__
            for other in altered(getattr(value, name))
        ]
    if isinstance(value, list | tuple):
        within = [[*value[:i], other, *value[i + 1 :]] for i, item in enumerate(value) for other in altered(item)]
        return [*within, list(value[1:]), [*value, *value[:1]]]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [None] if value is None else ["", value + "0", "x" + value[1:]]


@given(CHAINS, st.data())
def test_any_alteration_of_any_field_names_its_redemption(what: str, data: st.DataObject) -> None:
    entries = chain(what)
    at = data.draw(st.integers(0, len(entries) - 1))
    entry = entries[at]
    name = data.draw(st.sampled_from(["effect", "personal", "commitment", "salt", "link"]))
    if getattr(entry, name) is None:
        return
    for other in altered(getattr(entry, name)):
        found = first_bad([*entries[:at], replaced(entry, **{name: other}), *entries[at + 1 :]], entries)
        assert (found.what, found.redemption_id) == ("altered", entry.redemption_id), other


@given(CHAINS, st.data())
def test_a_link_that_is_taken_out_is_missed(what: str, data: st.DataObject) -> None:
    entries = chain(what)
    at = data.draw(st.integers(0, len(entries) - 1))
    found = first_bad([*entries[:at], *entries[at + 1 :]], entries)
    assert (found.what, found.seq) == ("missing", at + 1)


@given(CHAINS, st.data())
def test_a_row_that_is_gone_names_its_redemption(what: str, data: st.DataObject) -> None:
    entries = chain(what)
    at = data.draw(st.integers(0, len(entries) - 1))
    gone = replaced(entries[at], effect=None, personal=None, status=None)
    found = first_bad([*entries[:at], gone, *entries[at + 1 :]], entries)
    assert (found.what, found.redemption_id) == ("missing", entries[at].redemption_id)


def test_a_link_that_is_taken_out_names_the_row_that_has_none() -> None:
    entries = chain("rrr")
    found = first_bad([entries[0], entries[2], Entry("unlinked", None, "rdm_2")], entries)
    assert (found.what, found.seq, found.redemption_id) == ("missing", 2, "rdm_2")


def test_a_row_that_was_put_in_is_named() -> None:
    entries = chain("rrr")
    found = first_bad([*entries, Entry("unlinked", None, "rdm_fake")], entries)
    assert (found.what, found.redemption_id) == ("unlinked", "rdm_fake")


@given(st.integers(2, 6), st.data())
def test_two_rows_that_were_swapped_are_named(n: int, data: st.DataObject) -> None:
    entries = chain("r" * n)
    one, other = sorted(data.draw(st.permutations(range(n)))[:2])
    swapped = list(entries)
    for at, source in ((one, entries[other]), (other, entries[one])):
        swapped[at] = replaced(entries[at], effect=source.effect, personal=source.personal)
    found = first_bad(swapped, entries)
    assert (found.what, found.redemption_id) == ("altered", entries[one].redemption_id)


@given(st.integers(2, 6), st.data())
def test_links_in_another_order_are_found(n: int, data: st.DataObject) -> None:
    entries = chain("r" * n)
    order = data.draw(st.permutations(entries).filter(lambda shuffled: shuffled != entries))
    assert first_bad(order, entries).what in ("missing", "reordered")
    # Numbered anew, they do not follow from each other.
    renumbered = [replaced(entry, seq=seq) for seq, entry in enumerate(order, 1)]
    assert first_bad(renumbered, entries).what == "altered"


def test_what_is_there_twice_is_found() -> None:
    entries = chain("rrbr")
    assert first_bad([*entries[:2], entries[1], *entries[2:]], entries).what == "doubled"
    # Even as sound links of their own, with the head moved along.
    for what, redemption_id in (("rr", "rdm_1"), ("rrb", "rdm_1")):
        forged = relinked([*chain(what), replaced(chain(what)[0 if what == "rr" else 2], seq=len(what) + 1)])
        found = first_bad(forged, forged)
        assert (found.what, found.redemption_id) == ("doubled", redemption_id)


def test_a_rollback_of_what_was_never_redeemed_is_found() -> None:
    forged = relinked([replaced(chain("rb")[1], seq=1)])
    assert first_bad(forged, forged).what == "missing"


def test_a_rollback_without_a_link_is_found() -> None:
    entries = chain("rr")
    found = first_bad([replaced(entries[0], status="rolled_back"), entries[1]], entries)
    assert (found.what, found.redemption_id) == ("altered", "rdm_1")


def test_a_chain_that_was_written_anew_does_not_meet_what_was_signed_before() -> None:
    entries = chain("rrrr")
    assert isinstance(entries[1].effect, Grant)
    cheaper = msgspec.structs.replace(entries[1].effect, discount_minor=1)
    forged = relinked([entries[0], replaced(entries[1], effect=cheaper), *entries[2:]])
    assert walk(forged, sign(forged)).valid, "alone, it is a chain like any other"
    report = walk(forged, sign(forged), sign(entries[:3]), sign(entries[:1]))
    assert report.first_bad is not None
    assert (report.first_bad.what, report.first_bad.seq) == ("rewritten", 2)


def test_an_older_proof_holds_for_a_chain_that_has_grown() -> None:
    entries = chain("rrbrr")
    assert walk(entries, sign(entries[:2], limit=2)).valid
    assert walk(entries, *[sign(entries[:n]) for n in range(6)]).valid


def test_a_count_or_head_that_was_not_signed_is_found() -> None:
    entries = chain("rr")
    for changes in ({"count": 3}, {"rolled_back": 1}, {"head": "00" * 32}):
        report = walk(entries, msgspec.structs.replace(sign(entries), **changes))
        assert report.first_bad is not None
        assert report.first_bad.what == "rewritten"
    assert not walk(entries, msgspec.structs.replace(sign(entries), links=3)).valid
    assert not walk(entries, msgspec.structs.replace(sign(entries), id="cmp_2")).valid
    assert not walk(entries, msgspec.structs.replace(sign(entries), project_id="prj_b")).valid


@pytest.mark.parametrize(("what", "units", "limit", "valid"), [
    ("rrr", 1, 3, True), ("rrr", 1, 2, False), ("rrrb", 1, 2, True), ("rrr", 2, 5, False), ("rrrb", 2, 4, True),
])  # fmt: skip
def test_g1_no_more_than_the_limit_is_out(what: str, units: int, limit: int, valid: bool) -> None:
    entries = chain(what, units=units)
    report = walk(entries, sign(entries, limit=limit))
    assert report.valid is valid
    assert report.first_bad is None or report.first_bad.what == "over_limit"


def test_g1_a_redemption_that_was_rolled_back_in_part_counts_for_no_limit() -> None:
    """A unit of it may be out again: the chain tells of no part."""
    entries = chain("rrr", units=2)
    assert not walk(entries, sign(entries, limit=4)).valid
    entries[1] = msgspec.structs.replace(entries[1], status="partially_rolled_back")
    report = walk(entries, sign(entries, limit=4))
    assert (report.valid, report.count, report.net) == (True, 3, 3)
    assert not walk(entries, sign(entries, limit=3)).valid
    whole = chain("rrrb", units=2)
    whole[0] = msgspec.structs.replace(whole[0], status="partially_rolled_back")
    assert not walk(whole, sign(whole, limit=3)).valid, "a link tells of it after all"


def test_an_export_that_ends_early_is_not_whole() -> None:
    entries = chain("rr")
    report = walk(entries, sign(entries), is_whole=False)
    assert report.first_bad is not None
    assert report.first_bad.what == "incomplete"


def test_erased_and_left_out_personal_data_leave_the_chain_whole() -> None:
    entries = chain("rr")
    blank = Personal(None, None, "", "0c" * 32, [])
    erased = replaced(entries[0], salt=None, personal=blank)
    report = walk([erased, replaced(entries[1], salt=None, personal=None)], sign(entries))
    assert (report.valid, report.unopened) == (True, 2)
    # Without its salt, nothing may be left that nobody can check.
    for left in (replaced(entries[0], salt=None), replaced(erased, personal=replaced_customer(blank))):
        found = first_bad([left, entries[1]], entries)
        assert (found.what, found.redemption_id) == ("altered", "rdm_1")


def replaced_customer(data: Personal) -> Personal:
    return msgspec.structs.replace(data, customer_id="cust_other")


def test_moves_of_customers_are_kept_apart_whatever_a_row_holds() -> None:
    assert split_moves([["r:x", 1], ["u:x:bob", 1]]) == ([["r:x", 1]], [["u:x:bob", 1]])
    own = [["o:prj:bob", 1], ["t:rul:customer.day:d20261122:bob", 1]]
    rest = [["t:rul:total.day:d20261122:", 1], ["t:rul:api_key.day:d20261122:key", 1], ["b:u:customer.", 5]]
    assert split_moves([*own, *rest]) == (rest, own)
    assert split_moves([]) == ([], [])
    odds: list[Any] = [{"a": 1}, [[]], [1], None, [["r:x"]], [[None, 1]]]
    for odd in odds:
        assert split_moves(odd)[1] == []


def relinked(entries: list[Entry]) -> list[Entry]:
    """What somebody who may write the tables could make of a chain."""
    head, made = START, []
    for entry in entries:
        assert entry.effect is not None
        link = Link(PROJECT, CHAIN, entry.seq or 0, entry.redemption_id, entry.commitment, entry.effect)
        head = next_link(head, link)
        made.append(replaced(entry, link=head.hex()))
    return made
