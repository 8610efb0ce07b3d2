"""All commands under one name. Owns nothing but the list."""

import click

from control_plane.cli.accounts import account
from control_plane.cli.actions import actions
from control_plane.cli.cards import cards
from control_plane.cli.doctor.command import doctor
from control_plane.cli.epochs import epoch
from control_plane.cli.exporting import export_
from control_plane.cli.importing import import_
from control_plane.cli.migrating import migrate_
from control_plane.cli.quarantine import quarantine
from control_plane.cli.receipts import receipts, verify_
from control_plane.cli.tailing import tail


@click.group()
def main() -> None:
    """Vauchflow's command line: for who runs an installation, and for who works in it."""


for command in (
    account,
    actions,
    cards,
    doctor,
    epoch,
    export_,
    import_,
    migrate_,
    quarantine,
    receipts,
    tail,
    verify_,
):
    main.add_command(command)
