"""`epoch`: what a person may say of the shards' epochs. Opening one is the reconciler's alone."""

from typing import Any

import click

from control_plane.cli.answering import answer
from control_plane.cli.parameters import SHARD, Name, operator
from store.database import owner_connection
from store.environment import required
from store.recovery import abandon_epoch, list_epochs, release
from store.salvage import salvage


@click.group()
def epoch() -> None:
    """Epochs of the shards."""


@epoch.command("list")
@click.option("--shard", type=SHARD, help="left out: all of them")
def list_(shard: int | None) -> None:
    """Show every epoch, the oldest first: its state, its times, what it withholds and who released it."""
    answer(_list_epochs(shard))


@epoch.command("release")
@click.option("--shard", type=SHARD, help="left out: all that withhold something")
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def release_(shard: int | None, by: str | None) -> None:
    """Say that what the open epoch withholds is accounted for, so that it is sold again."""
    answer(_release_epochs(shard, operator(by)))


@epoch.command("salvage")
@click.option("--shard", type=SHARD, required=True)
def salvage_(shard: int) -> None:
    """After a restore of PostgreSQL: hand in what Redis still knows of the last 24 hours. Before `abandon`."""
    answer(_salvage(shard))


@epoch.command("abandon")
@click.option("--shard", type=SHARD, required=True)
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def abandon_(shard: int, by: str | None) -> None:
    """End an epoch that PostgreSQL has fallen behind; the reconciler opens the next, which withholds one W more."""
    answer(_abandon_epoch(shard, operator(by)))


async def _salvage(shard: int) -> dict[str, int]:
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        return {"handed_in": await salvage(connection, required("VAUCHFLOW_REDIS_URL"), shard)}


async def _abandon_epoch(shard: int, by: str) -> dict[str, int | None]:
    async with (
        owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection,
        connection.transaction(),
    ):
        return {"abandoned": await abandon_epoch(connection, shard, by)}


async def _list_epochs(shard: int | None) -> list[dict[str, Any]]:
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        return await list_epochs(connection, shard)


async def _release_epochs(shard: int | None, by: str) -> dict[str, list[int]]:
    redis_url = required("VAUCHFLOW_REDIS_URL")
    async with owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection:
        shards = sorted({row["shard"] for row in await list_epochs(connection, shard)})
        return {"released": [each for each in shards if await release(connection, redis_url, each, by)]}
