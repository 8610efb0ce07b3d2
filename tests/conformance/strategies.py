"""What the machine asks: batches of items on few names, so that they get in each other's way."""

from typing import Any

from hypothesis import strategies as st
from msgspec import structs

from domain.ledger import Check, CounterHold, CounterState, Guard, HoldUse, Item, Mode, Move

COUNTERS = [f"r:{name}" for name in "abc"] + ["u:a:bob", "b:a"]
DEFINITIONS = ["v:prj:X", "c:cmp"]
CHANGE = "n:prj"
RECORDS = [f"rdm_{n}" for n in range(6)]
ORDERS = ["o:aa", "o:bb"]
TAGS = ["cart1", "cart2"]
OWNERS = ["rsv_1", "rsv_2"]

from_now_ms = st.sampled_from([-5, 3, 3_600_000, 3_600_000, 3_600_000])
"""When a hold expires: it has, it does between two calls, it does not."""

moves = st.lists(
    st.builds(
        Move,
        st.sampled_from(COUNTERS),
        st.integers(1, 3),
        st.none() | st.integers(0, 8),
        st.sampled_from([3, 20]),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda move: move.counter,
).map(tuple)
checks = st.lists(st.builds(Check, st.sampled_from([*DEFINITIONS, CHANGE]), st.integers(0, 3)), max_size=2).map(tuple)
guards = st.lists(
    st.builds(Guard, st.sampled_from(COUNTERS), st.integers(0, 2), st.none() | st.integers(0, 3)), max_size=2
).map(tuple)


@st.composite
def items(draw: st.DrawFn, now_ms: int) -> Item:
    """One item. Holds are made, used up and given up on one counter or more; what they are on is often alike."""
    mode = draw(st.sampled_from([Mode.COMMIT] * 4 + [Mode.PROBE, Mode.DRY, Mode.HOLD, Mode.HOLD, Mode.RELEASE]))
    uses_hold = mode in (Mode.HOLD, Mode.RELEASE) or (mode is not Mode.PROBE and draw(st.booleans()))
    alias = draw(st.none() | st.sampled_from(ORDERS)) if mode is not Mode.RELEASE else None
    named = st.sampled_from(RECORDS)
    return Item(
        mode,
        draw(named if alias is not None else st.none() | named),
        draw(st.sampled_from([b"f" * 16, b"\xff" * 16])),
        draw(st.binary(min_size=1, max_size=40).map(lambda raw: b"\xc4" + bytes([len(raw)]) + raw)),
        draw(st.sampled_from([0] * 9 + [2**52])),
        draw(st.sampled_from([0] * 9 + [1])),
        draw(st.just(()) | st.just(()) | st.just(()) | checks),
        draw(st.just(()) | st.just(()) | guards),
        draw(moves),
        alias,
        draw(_uses(mode, now_ms)) if uses_hold else None,
    )


@st.composite
def _uses(draw: st.DrawFn, mode: Mode, now_ms: int) -> HoldUse:
    owner = draw(st.sampled_from(OWNERS if mode in (Mode.HOLD, Mode.RELEASE) else ["", *OWNERS]))
    until_ms = now_ms + draw(from_now_ms) if mode is Mode.HOLD else 0
    return HoldUse(draw(st.sampled_from(TAGS)), owner, until_ms, draw(st.sampled_from([False, False, True])))


@st.composite
def first_holds(draw: st.DrawFn, now_ms: int) -> Item:
    """A hold that nothing but another one stands in the way of."""
    names = draw(st.lists(st.sampled_from(COUNTERS), min_size=1, max_size=2, unique=True))
    wanted = tuple(Move(name, draw(st.integers(1, 3)), 20, 20, True) for name in names)
    return Item(
        Mode.HOLD, payload=b"\xc0", moves=wanted, hold=structs.replace(draw(_uses(Mode.HOLD, now_ms)), required=False)
    )


@st.composite
def meetings(draw: st.DrawFn, now_ms: int, counters: dict[str, CounterState]) -> Item:
    """An item on a counter with holds, at the edge of what they leave: it uses one, or has none and wants it."""
    name = draw(st.sampled_from(sorted(name for name, state in counters.items() if state.holds)))
    state = counters[name]
    mode = draw(st.sampled_from([Mode.COMMIT, Mode.COMMIT, Mode.DRY, Mode.HOLD, Mode.RELEASE]))
    uses_hold = mode in (Mode.HOLD, Mode.RELEASE) or draw(st.booleans())
    amount = draw(st.integers(1, 3))
    limit = state.used + state.withheld + draw(st.integers(max(0, amount - 1), amount + state.held))
    return Item(
        mode,
        payload=b"\xc0",
        moves=(Move(name, amount, limit, 20), *(move for move in draw(moves)[:1] if move.counter != name)),
        hold=draw(_uses(mode, now_ms)) if uses_hold else None,
    )


@st.composite
def spends(draw: st.DrawFn, counters: dict[str, CounterState]) -> Item:
    """A spend of a counter that has a limit of its own, of a little less or more than is left of it."""
    name, state = draw(st.sampled_from(sorted(counters.items())))
    left = max(0, (state.limit or 0) - state.used)
    amount = min(20, max(1, left + draw(st.integers(-1, 1))))
    others = tuple(move for move in draw(moves)[:1] if move.counter != name)
    mode = draw(st.sampled_from([Mode.COMMIT, Mode.COMMIT, Mode.DRY]))
    return Item(mode, payload=b"\xc0", moves=(Move(name, amount, None, 20), *others))


hydrated_counters = st.lists(
    st.tuples(
        st.sampled_from(COUNTERS),
        st.none() | st.integers(0, 9),
        st.integers(0, 6),
        st.integers(0, 6),
        st.integers(0, 3),
        st.integers(0, 3),
        st.lists(
            st.builds(CounterHold, st.sampled_from(TAGS), st.integers(1, 3), from_now_ms, st.sampled_from(OWNERS)),
            max_size=2,
            unique_by=lambda hold: hold.tag,
        ),
    ),
    max_size=3,
    unique_by=lambda c: c[0],
)
"""Name, limit, granted, returned, withheld, version, and holds as long as they last from now."""

limits = st.lists(
    st.tuples(st.sampled_from(COUNTERS), st.none() | st.integers(0, 9)), max_size=2, unique_by=lambda p: p[0]
)


def state_of(fields: dict[bytes, bytes]) -> dict[str, Any]:
    """A counter's hash as the fields of a CounterState, and `soonest` where it has one."""
    state: dict[str, Any] = {}
    holds = []
    for raw_name, value in fields.items():
        name = raw_name.decode()
        if name.startswith("h:"):
            amount, expires, owner = value.decode().split(" ", 2)
            holds.append(CounterHold(name[2:], int(amount), int(expires), owner))
        else:
            state[name] = int(value)
    if holds:
        state["holds"] = tuple(sorted(holds, key=lambda hold: hold.tag))
    return state
