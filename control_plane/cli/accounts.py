"""`account`: accounts with their first project and keys, made by who runs the installation."""

import click

from control_plane.accounts.creation import MadeAccount, NewAccount, create_account
from control_plane.cli.answering import answer
from control_plane.cli.parameters import SHARD, CurrencyCode, Name
from store.database import owner_connection
from store.environment import MOST_SHARDS, SettingsError, number, required, secret


@click.group()
def account() -> None:
    """Accounts."""


@account.command("create")
@click.option("--name", type=Name(), required=True)
@click.option("--plan", default="unlimited", show_default=True)
@click.option("--project", type=Name(), required=True, help="name of the first project")
@click.option("--currency", type=CurrencyCode(), default="EUR", show_default=True)
@click.option("--shard", type=SHARD, help="left out: drawn evenly")
def create(name: str, plan: str, project: str, currency: str, shard: int | None) -> None:
    """Make an account with a project and its twin for tests, and print their keys, which cannot be read again."""
    answer(_create_account(NewAccount(name, plan, project, currency, shard, has_twin=True)))


async def _create_account(wanted: NewAccount) -> MadeAccount:
    shards = number("VAUCHFLOW_SHARDS", 8, MOST_SHARDS)
    if wanted.shard is not None and wanted.shard >= shards:
        raise SettingsError(f"shard {wanted.shard} is not served: VAUCHFLOW_SHARDS is {shards}")
    async with (
        owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection,
        connection.transaction(),
    ):
        return await create_account(connection, secret(), wanted, shards)
