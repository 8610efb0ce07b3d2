"""Proofs: what is signed of a chain, and the walk along an export that says whether it is the chain that was signed.

Must never trust an export: whatever it says of a link is worked out anew. Pure, so that it needs no server to run.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from .definitions import redemptions_counter
from .receipts import START, Grant, Link, Personal, Rollback, commit_to, next_link, units_of

PROOF_PREFIX = b"vauchflow/proof/1\x00"

Kind = Literal["redeemed", "rolled_back", "unlinked"]
What = Literal[
    "altered",
    "missing",
    "doubled",
    "reordered",
    "unlinked",
    "rewritten",
    "over_limit",
    "incomplete",
    "unsigned",
]


class Statement(msgspec.Struct, frozen=True):
    """What is signed: how long a chain is and where it ends. `limit` is the greatest that may have been in force when
    it was signed, null for none. `head` is the last link, in hexadecimal."""

    project_id: str
    object: Literal["campaign", "voucher"]
    id: str
    links: int
    count: int
    rolled_back: int
    head: str
    limit: int | None
    signed_at: str


def statement_bytes(statement: Statement) -> bytes:
    """What the signature is over."""
    return PROOF_PREFIX + msgspec.msgpack.encode(statement)


class Entry(msgspec.Struct, frozen=True):
    """A receipt as it is exported, beside the ledger's row that it is of: its status and what it says. `effect` is
    null where the row is gone; `unlinked` is a row that no link tells of. Salt and personal data are null where they
    are left out or erased."""

    kind: Kind
    seq: int | None
    redemption_id: str
    link: str | None = None
    status: str | None = None
    commitment: str | None = None
    salt: str | None = None
    effect: Grant | Rollback | None = None
    personal: Personal | None = None


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as it was signed."""

    what: What
    seq: int | None
    redemption_id: str | None
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What the walk has found. `count` are distinct redemptions, `net` those that were not rolled back; `unopened`
    are links whose personal data were left out or erased."""

    valid: bool
    count: int
    rolled_back: int
    net: int
    limit: int | None
    links: int
    head: str
    unopened: int
    faults: int
    first_bad: Fault | None


class Walk:
    """Goes along one export, entry by entry, against the statements that were signed of its chain."""

    def __init__(self, statements: Sequence[Statement]) -> None:
        self._newest = max(statements, key=lambda statement: statement.links)
        self._signed = sorted(statements, key=lambda statement: statement.links)
        self._head = START
        self._seq = 0
        self._held_until = 0
        self._units: dict[str, int] = {}
        self._returned: set[str] = set()
        self._returning: dict[str, Entry] = {}
        self._net_units = 0
        self._partial: set[str] = set()
        self._unopened = 0
        self._faults: list[Fault] = []
        self._stray: str | None = None
        self._meet()

    def take(self, entries: Iterable[Entry]) -> None:
        """The next entries."""
        for entry in entries:
            if entry.kind == "unlinked":
                self._stray = self._stray or entry.redemption_id
                self._fault("unlinked", entry, "the ledger has it, the chain does not")
            else:
                self._place(entry)
                self._follow(entry)
                self._tally(entry)
                self._meet()

    def end(self, is_whole: bool = True) -> Report:
        """What was found; `is_whole` says whether the export's last page was there."""
        self._meet()
        statement = self._newest
        if self._seq < statement.links:
            self._say("missing", self._seq + 1, None, f"{statement.links} links were signed, {self._seq} are here")
        elif not is_whole:
            self._say("incomplete", None, None, "the export ends before its last page")
        else:
            for entry in self._returning.values():
                self._fault("altered", entry, "the ledger has it as rolled back, the chain does not")
        first = self._faults[0] if self._faults else None
        if first is not None and first.what == "missing" and first.redemption_id is None and self._stray:
            # A link was taken out: the row that has none must be its.
            first = msgspec.structs.replace(first, redemption_id=self._stray)
        count, rolled_back = len(self._units), len(self._returned)
        return Report(
            valid=first is None,
            count=count,
            rolled_back=rolled_back,
            net=count - rolled_back,
            limit=statement.limit,
            links=self._seq,
            head=self._head.hex(),
            unopened=self._unopened,
            faults=len(self._faults),
            first_bad=first,
        )

    def _place(self, entry: Entry) -> None:
        seq = entry.seq or 0
        if seq == self._seq:
            self._fault("doubled", entry, f"link {seq} is there twice")
        elif seq < self._seq:
            self._fault("reordered", entry, f"link {seq} comes after link {self._seq}")
        elif seq > self._seq + 1:
            text = f"links {self._seq + 1} to {seq - 1} are not there; {entry.redemption_id} comes next"
            self._say("missing", self._seq + 1, None, text)
        self._seq = max(self._seq, seq)

    def _follow(self, entry: Entry) -> None:
        """Make the link anew. Whatever comes of it, what is stored is what the next one must follow."""
        if entry.effect is None:
            self._fault("missing", entry, "the ledger no longer has what this link tells of")
        else:
            try:
                self._open(entry)
                link = self._made(entry, entry.effect)
            except (ValueError, OverflowError, TypeError):
                link = b""
            if link.hex() != entry.link:
                detail = "it is not what was linked"
                if entry.seq and entry.seq > 1:
                    detail += f"; or the link before it, {entry.seq - 1}, was rewritten"
                self._fault("altered", entry, detail)
        self._head = _from_hex(entry.link)

    def _made(self, entry: Entry, effect: Grant | Rollback) -> bytes:
        project_id, chain_id = self._newest.project_id, self._newest.id
        link = Link(project_id, chain_id, entry.seq or 0, entry.redemption_id, entry.commitment, effect)
        return next_link(self._head, link)

    def _open(self, entry: Entry) -> None:
        """Personal data must fit their commitment; where the salt is erased, so must they be."""
        if entry.kind == "rolled_back":
            return
        if entry.salt is not None and entry.personal is not None:
            if commit_to(bytes.fromhex(entry.salt), entry.personal).hex() != entry.commitment:
                self._fault("altered", entry, "its personal data are not what was linked")
            return
        self._unopened += 1
        if entry.personal is not None and not entry.personal.is_blank:
            self._fault("altered", entry, "its salt is gone, and its personal data are not")

    def _tally(self, entry: Entry) -> None:
        key = entry.redemption_id
        if entry.kind == "redeemed":
            if key in self._units:
                self._fault("doubled", entry, "it was redeemed before in this chain")
                return
            counter = redemptions_counter(self._newest.id)
            units = units_of(entry.effect, counter) if isinstance(entry.effect, Grant) else 0
            if entry.status == "partially_rolled_back":
                # How much of it has come back, and was perhaps sold again, no link tells: it counts for no limit.
                self._partial.add(key)
                units = 0
            self._units[key] = units
            if entry.status == "rolled_back":
                self._returning[key] = entry
            self._net_units += units
        elif key not in self._units:
            self._fault("missing", entry, "it was rolled back, and never redeemed in this chain")
        elif key in self._returned:
            self._fault("doubled", entry, "it was rolled back before")
        else:
            self._returned.add(key)
            self._partial.discard(key)
            self._returning.pop(key, None)
            self._net_units -= self._units[key]

    def _meet(self) -> None:
        """Compare with every statement that was signed when the chain was as long as it is here."""
        while self._signed and self._signed[0].links <= self._seq:
            statement = self._signed.pop(0)
            said = (statement.head, statement.count, statement.rolled_back)
            if said != (self._head.hex(), len(self._units), len(self._returned)):
                text = f"up to link {statement.links} it is not the chain that was signed at {statement.signed_at}"
                self._say("rewritten", self._held_until + 1, None, f"{text}, and somewhere from here on it differs")
            else:
                self._held_until = statement.links
            net = max(len(self._units) - len(self._returned) - len(self._partial), self._net_units)
            if statement.limit is not None and net > statement.limit:
                self._say("over_limit", None, None, f"{net} are out, and the limit was {statement.limit}")

    def _fault(self, what: What, entry: Entry, detail: str) -> None:
        self._say(what, entry.seq, entry.redemption_id, detail)

    def _say(self, what: What, seq: int | None, redemption_id: str | None, detail: str) -> None:
        self._faults.append(Fault(what, seq, redemption_id, detail))


def _from_hex(link: str | None) -> bytes:
    """The link that the next one follows; nothing follows what is none."""
    try:
        return bytes.fromhex(link or "")
    except ValueError:
        return b""
