"""Answers that hold a new key, kept without it.

A call with an Idempotency-Key must give the same answer again, yet no key may be stored. So such a call's keys are
not drawn but derived: HMAC-SHA-512 under VAUCHFLOW_SECRET of a random salt and the key's name. The salt stands in
the kept answer where the key stood, and the key is derived anew when the answer is given again. Who reads the
database without the secret learns nothing, as with the stored hashes; the salt goes with the kept answer, in a day.
"""

import hmac
import secrets

from store.credentials import ENTROPY_BYTES, PREFIXES, KeyType, new_key

_SALT_BYTES = 32
_MARK = "sealed:"


class Seal:
    """Derives the keys of one call, or leaves them to chance where nothing will be kept."""

    def __init__(self, secret: bytes, idempotent: bool) -> None:
        self._secret = secret
        self._salt = secrets.token_hex(_SALT_BYTES) if idempotent else None

    def entropy(self, type_: KeyType, label: str = "") -> bytes | None:
        """What new_key() takes for this call's key of the type; a label tells two of one type apart."""
        return None if self._salt is None else _derive(self._secret, self._salt, type_, label)

    def sealed(self) -> str:
        """What is kept in the place of each key."""
        return f"{_MARK}{self._salt}"


def unsealed(secret: bytes, kept: str, type_: KeyType, label: str = "") -> str:
    """The key that stood where this is kept."""
    assert kept.startswith(_MARK)
    return new_key(type_, _derive(secret, kept.removeprefix(_MARK), type_, label))


def _derive(secret: bytes, salt: str, type_: KeyType, label: str) -> bytes:
    entropy = hmac.digest(secret, f"vauchflow api key {PREFIXES[type_]} {salt}{label}".encode(), "sha512")
    assert len(entropy) >= ENTROPY_BYTES
    return entropy
