"""`migrate`: what `python -m store.migrate` does, under one roof with the rest."""

import click

from control_plane.cli.answering import CommandFailed, answer
from store.environment import SettingsError, required
from store.migrate import MigrationRefusedError, migrate


@click.command("migrate")
def migrate_() -> None:
    """Set up the roles and bring the schema up to this version; safe to run again."""
    answer(_migrate())


async def _migrate() -> dict[str, list[str]]:
    urls = [
        required(name)
        for name in ("VAUCHFLOW_OWNER_DATABASE_URL", "VAUCHFLOW_APP_PASSWORD", "VAUCHFLOW_RECONCILER_PASSWORD")
    ]
    try:
        return {"applied": await migrate(*urls)}
    except MigrationRefusedError as error:
        raise CommandFailed(str(error)) from error
    except ValueError as error:
        raise SettingsError(str(error)) from error
