"""The operator's command line: `python -m control_plane.cli`. Connects as the owner; no server imports it.

Writes its answer as one JSON object to stdout, what went wrong as one JSON line to stderr.
"""

import asyncio
import getpass
import sys
from pathlib import Path
from typing import Any

import asyncpg
import click
import msgspec

from control_plane.accounts.creation import MadeAccount, NewAccount, create_account
from control_plane.cli_cards import audit_cards, cards
from control_plane.cli_receipts import erase, export_chain, receipts, verify_
from store.database import UNAVAILABLE, owner_connection
from store.environment import MOST_SHARDS, SettingsError, number, required, secret
from store.link import RedisUnavailable
from store.recovery import abandon_epoch, list_epochs, release
from store.salvage import salvage

_FAILURES: tuple[type[Exception], ...] = (SettingsError, asyncpg.PostgresError, RedisUnavailable, *UNAVAILABLE)


class CurrencyCode(click.ParamType[str]):
    """Three capital letters, as ISO 4217 has them."""

    name = "currency"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).upper()
        if len(text) != 3 or not text.isascii() or not text.isalpha():
            self.fail("a currency has three letters", param, ctx)
        return text


class Name(click.ParamType[str]):
    """What people call a thing: 1 to 200 characters."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if not 1 <= len(text) <= 200 or not text.isprintable():
            self.fail("a name has 1 to 200 printable characters", param, ctx)
        return text


@click.group()
def main() -> None:
    """Vauchflow's operator commands."""


@main.group()
def account() -> None:
    """Accounts."""


@account.command("create")
@click.option("--name", type=Name(), required=True)
@click.option("--plan", default="unlimited", show_default=True)
@click.option("--project", type=Name(), required=True, help="name of the first project")
@click.option("--currency", type=CurrencyCode(), default="EUR", show_default=True)
@click.option("--shard", type=click.IntRange(0, MOST_SHARDS - 1), help="left out: drawn evenly")
def create(name: str, plan: str, project: str, currency: str, shard: int | None) -> None:
    """Make an account with a project and its twin for tests, and print their keys, which cannot be read again."""
    _answer(_create_account(NewAccount(name, plan, project, currency, shard, has_twin=True)))


async def _create_account(wanted: NewAccount) -> MadeAccount:
    shards = number("VAUCHFLOW_SHARDS", 8, MOST_SHARDS)
    if wanted.shard is not None and wanted.shard >= shards:
        raise SettingsError(f"shard {wanted.shard} is not served: VAUCHFLOW_SHARDS is {shards}")
    async with (
        owner_connection(required("VAUCHFLOW_OWNER_DATABASE_URL"), "vauchflow-cli") as connection,
        connection.transaction(),
    ):
        return await create_account(connection, secret(), wanted, shards)


@main.group()
def epoch() -> None:
    """Epochs of the shards."""


@epoch.command("list")
@click.option("--shard", type=click.IntRange(0, MOST_SHARDS - 1), help="left out: all of them")
def list_(shard: int | None) -> None:
    """Show every epoch, the oldest first: its state, its times, what it withholds and who released it."""
    _answer(_list_epochs(shard))


@epoch.command("release")
@click.option("--shard", type=click.IntRange(0, MOST_SHARDS - 1), help="left out: all that withhold something")
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def release_(shard: int | None, by: str | None) -> None:
    """Say that what the open epoch withholds is accounted for, so that it is sold again."""
    _answer(_release_epochs(shard, by or getpass.getuser()))


@epoch.command("salvage")
@click.option("--shard", type=click.IntRange(0, MOST_SHARDS - 1), required=True)
def salvage_(shard: int) -> None:
    """After a restore of PostgreSQL: hand in what Redis still knows of the last 24 hours. Before `abandon`."""
    _answer(_salvage(shard))


@epoch.command("abandon")
@click.option("--shard", type=click.IntRange(0, MOST_SHARDS - 1), required=True)
@click.option("--by", type=Name(), help="who decides; left out: the user of this machine")
def abandon_(shard: int, by: str | None) -> None:
    """End an epoch that PostgreSQL has fallen behind; the reconciler opens the next, which withholds one W more."""
    _answer(_abandon_epoch(shard, by or getpass.getuser()))


main.add_command(verify_)
main.add_command(receipts)
main.add_command(cards)


@cards.command("audit")
def audit_() -> None:
    """Whether every card's entries sum to its balance and its counter has counted them; 1 if one does not."""
    if not _answer(audit_cards())["even"]:
        raise SystemExit(1)


@receipts.command("export")
@click.option("--project", required=True)
@click.option("--chain", required=True, help="the campaign's id, or that of a voucher that stands alone")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
def export_(project: str, chain: str, out: Path) -> None:
    """Write every receipt of a chain into a file, as GET .../receipts answers them, a page a line."""
    _answer(export_chain(project, chain, out))


@receipts.command("erase")
@click.option("--project", required=True)
@click.option("--customer", required=True)
def erase_(project: str, customer: str) -> None:
    """Take a customer out of the ledger for good; the chains stay whole, and can still be verified."""
    _answer(erase(project, customer))


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


def _answer(work: Any) -> Any:
    try:
        answer = asyncio.run(work)
    except _FAILURES as error:
        failure = {"event": "command_failed", "message": f"{type(error).__name__}: {error}"}
        sys.stderr.write(msgspec.json.encode(failure).decode() + "\n")
        raise SystemExit(1) from error
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    return answer


if __name__ == "__main__":
    main()
