"""Verifies an export against proofs, offline: files in, a verdict out.

Must never need a server, a secret or the network: whoever was handed the files can run it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from control_plane.receipts.schemas import ProofView, ReceiptPage
from control_plane.receipts.signing import is_signed, key_id
from domain.proofs import Fault, Report, Walk

_page = msgspec.json.Decoder(ReceiptPage)
_proof = msgspec.json.Decoder(ProofView)


class Unreadable(Exception):
    """A file that is no export or no proof, or proofs that are not of one chain; the message says which."""


class Verdict(msgspec.Struct):
    """What a verifier prints. `pinned` says whether the key was the caller's to name, or only the proof's own."""

    valid: bool
    count: int
    rolled_back: int
    net: int
    limit: int | None
    links: int
    head: str
    project_id: str
    object: str
    id: str
    signed_at: str
    key_id: str
    pinned: bool
    unopened: int
    faults: int
    first_bad: Fault | None


def read_proof(text: bytes, name: str) -> ProofView:
    """A proof as the API answered it."""
    try:
        return _proof.decode(text)
    except msgspec.DecodeError as error:
        raise Unreadable(f"{name} is no proof: {error}") from error


def verify(pages: Iterable[bytes], proofs: Sequence[ProofView], public_keys: Sequence[str]) -> Verdict:
    """Walk along an export, a page a line, against every proof that was kept of its chain."""
    newest = max(proofs, key=lambda proof: proof.statement.links)
    if len({(proof.statement.project_id, proof.statement.id) for proof in proofs}) > 1:
        raise Unreadable("the proofs are of more than one chain")
    walk, is_whole = Walk([proof.statement for proof in proofs]), False
    for number, line in enumerate(pages, 1):
        if not line.strip():
            continue
        try:
            page = _page.decode(line)
        except msgspec.DecodeError as error:
            raise Unreadable(f"line {number} of the export is no page: {error}") from error
        walk.take(page.data)
        is_whole = page.next_cursor is None
    report = walk.end(is_whole)
    for proof in proofs:
        report = _signed(report, proof, public_keys)
    return Verdict(
        **msgspec.structs.asdict(report),
        project_id=newest.statement.project_id,
        object=newest.statement.object,
        id=newest.statement.id,
        signed_at=newest.statement.signed_at,
        key_id=key_id(newest.public_key) if _is_hex(newest.public_key) else "",
        pinned=bool(public_keys),
    )


def _signed(report: Report, proof: ProofView, public_keys: Sequence[str]) -> Report:
    """The report, or the same with the proof's signature as its first fault."""
    own = [proof.public_key]
    if any(is_signed(proof.statement, proof.signature, key) for key in public_keys or own):
        return report
    whose = "any of the given keys" if public_keys else "the key that it names"
    fault = Fault("unsigned", None, None, f"the proof of {proof.statement.signed_at} is not signed by {whose}")
    return msgspec.structs.replace(report, valid=False, faults=report.faults + 1, first_bad=fault)


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True
