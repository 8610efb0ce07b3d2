"""Chains made by hand: entries as an export shows them, and the statement that was signed of them."""

from typing import Any

import msgspec

from domain.proofs import Entry, Report, Statement, Walk
from domain.receipts import START, Grant, GrantLine, Link, Personal, Rollback, commit_to, next_link

PROJECT = "prj_a"
CHAIN = "cmp_1"
COUNTER = f"r:{CHAIN}"


def grant(number: int, units: int = 1) -> Grant:
    """A redemption with one line in the chain."""
    line = GrantLine(1, "voucher", f"vch_{number}", CHAIN, f"CODE{number}", 1800, 1_000_000, [[COUNTER, units]])
    return Grant("EUR", 8999, 1800, 7199, "durable", 1_000_000 + number, 3, 1, 7, number, 0, [line])


def personal(number: int) -> Personal:
    return Personal(f"cust_{number}", f"key-{number}", "0a" * 16, "0b" * 32, [[1, f"u:{CHAIN}:cust_{number}", 1]])


def chain(what: str, *, units: int = 1) -> list[Entry]:
    """One entry a letter: `r` redeems rdm_1, rdm_2 and so on, `b` rolls the oldest one back that is not yet."""
    entries: list[Entry] = []
    head, redeemed, returned = START, 0, 0
    for seq, letter in enumerate(what, 1):
        if letter == "r":
            redeemed += 1
            number, salt, data = redeemed, bytes([seq]) * 16, personal(redeemed)
            commitment: str | None = commit_to(salt, data).hex()
            effect: Grant | Rollback = grant(number, units)
            more: dict[str, Any] = {"salt": salt.hex(), "personal": data}
        else:
            returned += 1
            number, commitment, effect, more = returned, None, Rollback(2_000_000 + returned, 1, 9, returned, 0), {}
        redemption_id = f"rdm_{number}"
        head = next_link(head, Link(PROJECT, CHAIN, seq, redemption_id, commitment, effect))
        kind = "redeemed" if letter == "r" else "rolled_back"
        entries.append(
            Entry(kind, seq, redemption_id, head.hex(), "redeemed", commitment, effect=effect, **more)  # type: ignore[arg-type]
        )
    back = {entry.redemption_id for entry in entries if entry.kind == "rolled_back"}
    return [
        msgspec.structs.replace(entry, status="rolled_back") if entry.redemption_id in back else entry
        for entry in entries
    ]


def sign(entries: list[Entry], limit: int | None = None) -> Statement:
    """What would be signed of this chain."""
    redeemed = sum(entry.kind == "redeemed" for entry in entries)
    head = entries[-1].link or "" if entries else START.hex()
    links = len(entries)
    return Statement(PROJECT, "campaign", CHAIN, links, redeemed, links - redeemed, head, limit, f"time {links}")


def walk(entries: list[Entry], *statements: Statement, is_whole: bool = True) -> Report:
    """Go along it."""
    walking = Walk(statements)
    walking.take(entries)
    return walking.end(is_whole)
