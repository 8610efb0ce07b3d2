"""The pure parts: grouping, entries, the inbox, and the judgement over a server's data."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import SCHEMA_VERSION, Redeemed, encode
from domain.ledger import Position
from engine.reconciler.entries import Entry, parse_entry
from engine.reconciler.inbox import BATCH_EVENTS, Inbox
from engine.reconciler.servers import Meta
from engine.reconciler.trust import Evidence, why_not
from store.ledger_rows import Deltas, Fate, Kind, Slot, Usage, columns, first_of, moves_of, summarise
from tests.reconciler.lab import redeemed, rolled_back

names = st.sampled_from(["r:a", "r:b", "b:a", "u:a:bob"])
moves = st.lists(st.tuples(names, st.integers(0, 10**12)), max_size=4).map(tuple)
fates = st.lists(
    st.builds(
        Fate,
        st.sampled_from(Kind),
        st.sampled_from(["prj_a", "prj_b"]),
        st.sampled_from(["rdm_1", "rdm_2"]),
        moves,
        moves,
    ),
    max_size=20,
)


@given(fates)
def test_g1_a_summary_neither_loses_nor_invents_a_unit(given_fates: list[Fate]) -> None:
    summary = summarise(given_fates)
    for which in ("confirmed", "returned"):
        expected: Counter[tuple[str, str]] = Counter()
        for fate in given_fates:
            for counter, amount in getattr(fate, which):
                expected[fate.project_id, counter] += amount
        found = {(s.project_id, s.counter): getattr(s, which) for s in summary.settlements}
        assert {key: n for key, n in found.items() if n} == {key: n for key, n in expected.items() if n}
    keys = [(s.project_id, s.counter) for s in summary.settlements]
    assert len(keys) == len(set(keys))


@given(fates)
def test_the_order_of_fates_does_not_matter_to_the_sums(given_fates: list[Fate]) -> None:
    assert summarise(given_fates).settlements == summarise(given_fates[::-1]).settlements


operations = st.lists(st.tuples(st.sampled_from(["grant", "give_back", "quarantine"]), moves), max_size=15)


@given(operations)
def test_g1_deltas_sum_each_counter_once_and_name_it_once(given_operations: list[tuple[str, Any]]) -> None:
    deltas = Deltas()
    expected: dict[str, Counter[str]] = {"grant": Counter(), "give_back": Counter(), "quarantine": Counter()}
    for operation, taken in given_operations:
        for counter, amount in taken:
            expected[operation][counter] += amount
        if operation == "grant":
            deltas.grant(_with_moves(taken))
        else:
            getattr(deltas, operation)("prj_a", taken)
    _, ids, granted, returned, quarantined = deltas.moves()
    assert len(ids) == len(set(ids))
    assert ids == sorted(ids, reverse=True)
    for operation, sums in (("grant", granted), ("give_back", returned), ("quarantine", quarantined)):
        found = {name: n for name, n in zip(ids, sums, strict=True) if n}
        assert found == {name: n for name, n in expected[operation].items() if n}


def _with_moves(taken: tuple[tuple[str, int], ...]) -> Redeemed:
    line = redeemed("rdm_1").lines[0]
    return redeemed("rdm_1", lines=(msgspec.structs.replace(line, moves=tuple((*move, "") for move in taken)),))


def test_moves_of_lines_are_summed_per_counter() -> None:
    line = redeemed("rdm_1", customer="bob").lines[0]
    event = redeemed("rdm_1", lines=(line, line))
    assert moves_of(event) == (("r:vch_1", 2), ("u:cmp_1:bob", 2))


def test_usage_is_grouped_by_the_day_in_utc() -> None:
    usage = Usage()
    usage.add("acc", "prj", 86_400_000 - 1, (1, 0, 5))
    usage.add("acc", "prj", 86_400_000, (1, 0, 5))
    usage.add("acc", "prj", 86_400_001, (0, 1, 0))
    assert [(str(day), *rest) for _, _, day, *rest in zip(*usage.columns(), strict=True)] == [
        ("1970-01-01", 1, 0, 5),
        ("1970-01-02", 1, 1, 5),
    ]


def test_first_of_keeps_the_first_and_the_order() -> None:
    slots = [Slot(Position(1, at), 0, 0, b"", None) for at in range(4)]
    first, others = first_of(slots, ["a", "b", "a", "b"])
    assert (first, others) == (slots[:2], slots[2:])


def test_no_rows_are_as_many_empty_columns() -> None:
    assert columns([], 3) == [[], [], []]


# -- entries -----------------------------------------------------------------------------------------------------------


def entry_of(*payloads: bytes, version: bytes = b"1") -> Entry:
    header = bytes([0x90 | len(payloads)]) if len(payloads) < 16 else b"\xdc" + len(payloads).to_bytes(2)
    return parse_entry(b"7-2", {b"v": version, b"t": b"5", b"e": header + b"".join(payloads)})


whole = st.sampled_from([encode(redeemed("rdm_1")), encode(rolled_back("rdm_1")), b"\xc0", b"\xa3abc"])


@given(st.lists(whole, min_size=1, max_size=40))
def test_g2_an_entry_keeps_every_event_in_its_place(payloads: list[bytes]) -> None:
    entry = entry_of(*payloads)
    assert [slot.payload for slot in entry.slots] == payloads
    assert [slot.index for slot in entry.slots] == list(range(len(payloads)))
    assert all((slot.event is None) == (len(slot.payload) < 5) for slot in entry.slots)
    assert entry.events == len(payloads)


@given(st.lists(whole, max_size=20), st.binary(max_size=40), st.lists(whole, max_size=3))
def test_g2_whatever_breaks_an_entry_no_byte_and_no_event_before_it_is_lost(
    before: list[bytes], garbage: bytes, after: list[bytes]
) -> None:
    entry = entry_of(*before, b"\xc1" + garbage, *after)
    assert [slot.payload for slot in entry.slots[:-1]] == before
    assert entry.slots[-1].payload == b"\xc1" + garbage + b"".join(after)
    assert entry.slots[-1].event is None
    assert entry.events == len(before) + 1 + len(after)


@given(st.binary(max_size=60))
def test_g2_any_bytes_at_all_are_kept(batch: bytes) -> None:
    entry = parse_entry(b"7-2", {b"v": b"1", b"t": b"5", b"e": batch})
    kept = b"".join(slot.payload for slot in entry.slots)
    assert batch.endswith(kept)
    assert len(batch) - len(kept) <= 5  # an array's header at most


def test_an_entry_of_a_newer_schema_is_not_opened() -> None:
    entry = entry_of(b"\xc0", version=b"%d" % (SCHEMA_VERSION + 1))
    assert (entry.newer, entry.slots) == (SCHEMA_VERSION + 1, ())


def test_an_entry_that_is_not_ours_is_kept_whole() -> None:
    entry = parse_entry(b"7-2", {b"x": b"y"})
    assert msgspec.msgpack.decode(entry.slots[0].payload) == {b"x": b"y"}
    assert entry.events == 0


# -- the inbox ---------------------------------------------------------------------------------------------------------


def _entries(*sizes: int, newer: int = 0) -> list[Entry]:
    slot = Slot(Position(), 0, 0, b"", None)
    return [Entry(Position(1, at), at, (slot,) * size, size, newer) for at, size in enumerate(sizes, 1)]


@given(st.lists(st.integers(1, 700), min_size=1, max_size=30))
def test_g2_the_inbox_gives_whole_entries_in_order_and_bounded(sizes: list[int]) -> None:
    inbox = Inbox("stream", Position())
    given_entries = _entries(*sizes)
    inbox.feed(Position(), given_entries)
    taken: list[Entry] = []
    while batch := inbox.take():
        assert len(batch) == 1 or sum(len(entry.slots) for entry in batch) <= BATCH_EVENTS
        taken += batch
    assert taken == given_entries
    assert inbox.has_room
    assert inbox.oldest_ms is None


def test_g3_the_inbox_takes_nothing_that_was_asked_for_from_another_cursor() -> None:
    inbox = Inbox("stream", Position())
    inbox.feed(Position(), _entries(1))
    inbox.restart(Position(9, 0))
    inbox.feed(Position(1, 1), _entries(1, 1))
    assert inbox.take() == []
    assert inbox.cursor == Position(9, 0)


def test_an_entry_of_a_newer_schema_does_not_hold_up_those_before_it() -> None:
    inbox = Inbox("stream", Position())
    first, second = _entries(1)[0], msgspec.structs.replace(_entries(0, newer=2)[0], position=Position(1, 2))
    inbox.feed(Position(), [first, second])
    assert inbox.take() == [first]
    assert inbox.take() == [second]


# -- trust -------------------------------------------------------------------------------------------------------------

END = Position(10, 3)
SOUND = Evidence(
    meta=Meta("closed", Position(10, 1), END, 5, 4, withheld=False),
    last_generated=END,
    ledger=Position(10, 2),
    same_server=False,
    trust_aof=True,
    durability="durable",
    last_write_status="ok",
)


def test_g1_sound_data_are_believed() -> None:
    assert why_not(SOUND) == ""


@pytest.mark.parametrize(
    "flaw",
    [
        {"meta": None},
        {"last_generated": Position(9, 0)},
        {"last_generated": Position(11, 0)},
        {"ledger": Position(10, 4)},
        {"trust_aof": False},
        {"durability": "fast"},
        {"last_write_status": "err"},
        {"was_replica": True},
    ],
)
def test_g1_each_flaw_alone_is_enough_not_to_believe(flaw: dict[str, Any]) -> None:
    assert why_not(msgspec.structs.replace(SOUND, **flaw)) != ""


@pytest.mark.parametrize("flaw", [{"trust_aof": False}, {"durability": "fast"}])
def test_the_same_server_needs_no_append_only_file(flaw: dict[str, Any]) -> None:
    assert why_not(msgspec.structs.replace(SOUND, same_server=True, **flaw)) == ""
    assert why_not(msgspec.structs.replace(SOUND, same_server=True, meta=None)) != ""


def test_another_server_may_still_grant_unless_the_operator_says_that_there_is_none() -> None:
    assert SOUND.is_only_server
    assert not msgspec.structs.replace(SOUND, trust_aof=False).is_only_server
    assert not msgspec.structs.replace(SOUND, was_replica=True).is_only_server
    assert msgspec.structs.replace(SOUND, trust_aof=False, same_server=True).is_only_server
