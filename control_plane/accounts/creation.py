"""Making an account with its first project and its admin key: by the owner, from the CLI, never over HTTP."""

from zlib import crc32

import msgspec

from control_plane.api_keys.creation import create_key
from control_plane.clock import new_id
from control_plane.projects.creation import create_project
from store.database import Transaction
from store.queries import query

_INSERT = query("control_insert_account")


class NewAccount(msgspec.Struct, frozen=True):
    """What an account is made from; `has_twin`: beside its first project there is one for trying things out."""

    name: str
    plan: str
    project: str
    currency: str
    shard: int | None = None
    has_twin: bool = False


class MadeAccount(msgspec.Struct, frozen=True):
    """What the CLI prints; the keys can be read here and never again."""

    account_id: str
    project_id: str
    secret_key: str
    publishable_key: str
    admin_key: str
    test_project_id: str | None = None
    test_secret_key: str | None = None
    test_publishable_key: str | None = None


async def create_account(tx: Transaction, secret: bytes, wanted: NewAccount, shards: int) -> MadeAccount:
    """A new account in its shard, which it never leaves: drawn evenly from its id unless one is asked for."""
    account_id = new_id("acc")
    shard = crc32(account_id.encode()) % shards if wanted.shard is None else wanted.shard
    await tx.execute(_INSERT, account_id, wanted.name, wanted.plan, shard, True)
    admin = await create_key(tx, secret, account_id, None, "ADMIN")
    project = await create_project(tx, secret, account_id, wanted.project, wanted.currency)
    made = MadeAccount(account_id, project.row["id"], project.secret_key.key, project.publishable_key.key, admin.key)
    if not wanted.has_twin:
        return made
    twin = await create_project(tx, secret, account_id, wanted.project, wanted.currency, twin_of=made.project_id)
    return msgspec.structs.replace(
        made,
        test_project_id=twin.row["id"],
        test_secret_key=twin.secret_key.key,
        test_publishable_key=twin.publishable_key.key,
    )
