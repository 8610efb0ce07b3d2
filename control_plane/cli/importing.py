"""`import`: a file into the API, and what became of each row."""

import io
import secrets
from pathlib import Path
from typing import BinaryIO

import click

from control_plane.cli.actions import end, watch
from control_plane.cli.answering import say
from control_plane.cli.api import Api
from control_plane.cli.asking import with_api
from control_plane.cli.progress import Progress


class _Watched(io.RawIOBase):
    """A file that tells how far it has been read."""

    def __init__(self, file: BinaryIO, progress: Progress, size: int) -> None:
        super().__init__()
        self._file = file
        self._progress = progress
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._at += len(piece)
        self._progress.at(self._at, self._size)
        return piece


@click.command("import")
@click.argument("resource", type=click.Choice(["vouchers", "customers", "products"]))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map", "mapping", multiple=True, metavar="COLUMN:FIELD", help="may be given again; 'Note:' leaves one out"
)
@click.option("--dry-run", is_flag=True, help="judge every row, change nothing")
@click.option("--no-wait", is_flag=True, help="answer with the action's id as soon as the file is there")
@click.option("--key", help="Idempotency-Key: the same file sent again with it is imported once")
@with_api
def import_(
    api: Api, resource: str, file: Path, mapping: tuple[str, ...], dry_run: bool, no_wait: bool, key: str | None
) -> None:
    """Import a CSV file; 1 if any row was refused. The answer has the first thousand of them, with their reasons."""
    query = {"dry_run": "true" if dry_run else None, "map": ",".join(mapping) or None}
    size = file.stat().st_size
    with Progress("sending") as progress, file.open("rb") as opened:

        def body() -> tuple[BinaryIO, int]:
            opened.seek(0)
            progress.at(0, size)
            return _Watched(opened, progress, size), size  # type: ignore[return-value]

        answer = api.send(
            f"/v1/{resource}/import", query, body, "text/csv", key or f"cli-import-{secrets.token_hex(16)}"
        )
    action_id = answer["async_action_id"]
    if no_wait:
        say({"async_action_id": action_id})
    else:
        end(watch(api, action_id, "judging" if dry_run else "importing"))
