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
    owner_url = required("VAUCHFLOW_OWNER_DATABASE_URL")
    app_password, reconciler_password = required("VAUCHFLOW_APP_PASSWORD"), required("VAUCHFLOW_RECONCILER_PASSWORD")
    try:
        return {"applied": await migrate(owner_url, app_password, reconciler_password)}
    except MigrationRefusedError as error:
        raise CommandFailed(str(error)) from error
    except ValueError as error:
        raise SettingsError(str(error)) from error
