"""Receipts and proofs on the wire, and in the files that a verifier reads."""

from typing import Literal

import msgspec

from domain.proofs import Entry, Statement


class ProofView(msgspec.Struct):
    """A statement on a chain, signed. The signature and the public key are in hexadecimal."""

    object: Literal["proof"]
    statement: Statement
    algorithm: Literal["Ed25519"]
    key_id: str
    public_key: str
    signature: str


class ProofKeyView(msgspec.Struct):
    """A key that proofs are signed with; keep it, to pin it when you verify."""

    id: str
    object: Literal["proof_key"]
    algorithm: Literal["Ed25519"]
    public_key: str


class ReceiptPage(msgspec.Struct):
    """A page of an export; the last one also names what the ledger has and the chain does not."""

    data: list[Entry]
    next_cursor: str | None
