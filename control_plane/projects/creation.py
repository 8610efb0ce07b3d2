"""Making a project with the two keys it starts with."""

import asyncpg
import msgspec

from control_plane.api_keys.creation import MadeKey, create_key
from control_plane.clock import new_id
from domain.money import currency_decimals
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_project")


class MadeProject(msgspec.Struct, frozen=True):
    """A project's row and its first keys."""

    row: asyncpg.Record
    secret_key: MadeKey
    publishable_key: MadeKey


async def create_project(
    tx: Transaction,
    secret: bytes,
    account_id: str,
    name: str,
    currency: str,
    entropies: tuple[bytes | None, bytes | None] = (None, None),
    twin_of: str | None = None,
) -> MadeProject:
    """A new project of the account; its keys can be read here and never again. The twin of another is for tests."""
    project_id = new_id("prj")
    row = await tx.fetchrow(_INSERT, account_id, project_id, name, currency, currency_decimals(currency), twin_of)
    assert row is not None
    return MadeProject(
        row,
        await create_key(tx, secret, account_id, project_id, "SECRET", entropies[0]),
        await create_key(tx, secret, account_id, project_id, "PUBLISHABLE", entropies[1]),
    )
