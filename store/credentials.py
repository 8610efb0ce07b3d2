"""API keys: their spelling, their hash, and the one look-up from a key to whom it speaks for.

A key is `vf_sk_` (secret), `vf_pk_` (publishable) or `vf_ak_` (an account's admin key), 32 random characters,
and six of checksum, so that garbage is refused without I/O. Only a key's HMAC is ever stored: found by it in
an index, a key cannot be felt for by timing. Must never log a key, and never keep one.
"""

import hmac
import secrets
from typing import Literal
from zlib import crc32

import msgspec

from store.database import Database
from store.queries import query

KeyType = Literal["SECRET", "PUBLISHABLE", "ADMIN"]

PREFIXES: dict[KeyType, str] = {"SECRET": "vf_sk_", "PUBLISHABLE": "vf_pk_", "ADMIN": "vf_ak_"}
SHORTEST_SECRET = 32
ENTROPY_BYTES = 40
"""More than the 191 bits of 32 characters, so that taking the remainder favours none of them."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS = frozenset(_ALPHABET)
_TYPES: dict[str, KeyType] = {prefix: type_ for type_, prefix in PREFIXES.items()}
_PREFIX_LENGTH = 6
_RANDOM_LENGTH = 32
_CHECKSUM_LENGTH = 6
_KEY_LENGTH = _PREFIX_LENGTH + _RANDOM_LENGTH + _CHECKSUM_LENGTH

_LOOKUP = query("lookup_api_key")


class Principal(msgspec.Struct, frozen=True):
    """Whom a key speaks for. An ADMIN key speaks for an account and has no project.
    `scopes`: the rights that it is confined to; None: all that its type has."""

    key_id: str
    type: KeyType
    account_id: str
    project_id: str | None
    shard: int
    currency: str | None
    currency_decimals: int | None
    plan: str
    account_status: str
    project_status: str | None
    scopes: tuple[str, ...] | None = None

    @property
    def is_suspended(self) -> bool:
        return self.account_status != "active" or self.project_status not in (None, "active")


def signing_secret(text: str) -> bytes:
    """VAUCHFLOW_SECRET as hash_key() takes it; ValueError if it is too short to be one."""
    if len(text) < SHORTEST_SECRET:
        raise ValueError(f"VAUCHFLOW_SECRET must have at least {SHORTEST_SECRET} characters")
    return text.encode()


def new_key(type_: KeyType, entropy: bytes | None = None) -> str:
    """A new key, random unless the caller brings its entropy."""
    if entropy is None:
        entropy = secrets.token_bytes(ENTROPY_BYTES)
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"a key takes {ENTROPY_BYTES} bytes of entropy")
    head = PREFIXES[type_] + _base62(int.from_bytes(entropy), _RANDOM_LENGTH)
    return head + _checksum(head)


def parse_key(text: str) -> KeyType | None:
    """What kind of key this is; None if it cannot be a key of ours. Without I/O, and no proof of anything."""
    type_ = _TYPES.get(text[:_PREFIX_LENGTH])
    if type_ is None or len(text) != _KEY_LENGTH or not _LETTERS.issuperset(text[_PREFIX_LENGTH:]):
        return None
    head, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return type_ if hmac.compare_digest(_checksum(head), checksum) else None


def hash_key(secret: bytes, key: str) -> bytes:
    """What is stored of a key, and what it is found by."""
    return hmac.digest(secret, key.encode(), "sha256")


def key_hint(key: str) -> str:
    """The four characters by which a person tells keys apart in a list."""
    return key[-4:]


def masked_key(type_: KeyType, hint: str) -> str:
    """A key as lists show it."""
    return f"{PREFIXES[type_]}...{hint}"


async def find_principal(database: Database, key_hash: bytes) -> Principal | None:
    """Whom the key with this hash speaks for; None if it is unknown or revoked. Raises UNAVAILABLE."""
    async with database.anonymous_tx() as tx:
        row = await tx.fetchrow(_LOOKUP, key_hash)
    return None if row is None else msgspec.convert(dict(row), Principal)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _checksum(head: str) -> str:
    return _base62(crc32(head.encode()), _CHECKSUM_LENGTH)
