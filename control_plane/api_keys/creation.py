"""Making a key: its hash goes into the table, the key itself to the caller, once."""

import msgspec

from control_plane.clock import new_id
from store.credentials import KeyType, hash_key, key_hint, new_key
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_api_key")


class KeyTerms(msgspec.Struct, frozen=True):
    """What may be said of a key beside its type."""

    name: str | None = None
    scopes: list[str] | None = None
    rotated_from: str | None = None


NO_TERMS = KeyTerms()


class MadeKey(msgspec.Struct, frozen=True):
    """A key that was made a moment ago; the only time that it can be read."""

    id: str
    key: str
    type: KeyType


async def create_key(
    tx: Transaction,
    secret: bytes,
    account_id: str,
    project_id: str | None,
    type_: KeyType,
    entropy: bytes | None = None,
    terms: KeyTerms = NO_TERMS,
) -> MadeKey:
    """A new key of a project, or of the account (ADMIN) where no project is named."""
    made = MadeKey(new_id("key"), new_key(type_, entropy), type_)
    stored = hash_key(secret, made.key), key_hint(made.key), terms.name, terms.scopes, terms.rotated_from
    await tx.execute(_INSERT, account_id, project_id, made.id, type_, *stored)
    return made
