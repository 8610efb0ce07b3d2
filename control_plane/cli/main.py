"""All commands under one name. Owns nothing but the list."""

import click

from control_plane.cli.accounts import account
from control_plane.cli.cards import cards
from control_plane.cli.doctor.command import doctor
from control_plane.cli.epochs import epoch
from control_plane.cli.migrating import migrate_
from control_plane.cli.receipts import receipts, verify_


@click.group()
def main() -> None:
    """Vauchflow's command line: for who runs an installation, and for who works in it."""


for command in (account, cards, doctor, epoch, migrate_, receipts, verify_):
    main.add_command(command)
