"""`export`: what a list shows, whole, into a file. A download that breaks off goes on where it stopped."""

import secrets
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, get_args

import click

from control_plane.cli.actions import INTERRUPTED, expect_done, look, watch
from control_plane.cli.answering import AWAY, NOT_WELL, CommandFailed, say
from control_plane.cli.api import ATTEMPTS, Api, Unanswered
from control_plane.cli.asking import with_api
from control_plane.cli.progress import Progress
from control_plane.exports.schemas import Format, ResourceName

_PIECE_BYTES = 65_536


class Filter(click.ParamType[tuple[str, str]]):
    """name=value."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, sign, text = str(value).partition("=")
        if not sign or not name or not text:
            self.fail("a filter is name=value", param, ctx)
        return name, text


@click.command("export")
@click.argument("resource", type=click.Choice(sorted(get_args(ResourceName))))
@click.option("--format", "format_", type=click.Choice(sorted(get_args(Format))), default="csv", show_default=True)
@click.option("--filter", "filters", type=Filter(), multiple=True, help="may be given again; docs/bulk.md names them")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="left out: to stdout")
@click.option("--action", help="go on with an export that was ordered before")
@with_api
def export_(
    api: Api,
    resource: str,
    format_: str,
    filters: tuple[tuple[str, str], ...],
    output: Path | None,
    action: str | None,
) -> None:
    """Export a list as a file."""
    if action is None:
        wanted = {"resource": resource, "format": format_, "filters": dict(filters)}
        action = api.post("/v1/exports", wanted, f"cli-export-{secrets.token_hex(16)}")["async_action_id"]
    shown = expect_done(watch(api, action, "exporting"))
    if output is None:
        _download(api, action, sys.stdout.buffer, 0)
        sys.stdout.buffer.flush()
        return
    part = output.with_name(f"{output.name}.{action}.part")
    try:
        with part.open("ab") as file:
            _download(api, action, file, file.tell())
    except (CommandFailed, KeyboardInterrupt) as error:
        again = f"vauchflow export {resource} --action {action} -o {output}"
        failed = error if isinstance(error, CommandFailed) else CommandFailed("interrupted", INTERRUPTED)
        raise CommandFailed(f"{failed}; what came is kept", failed.exit_code, again=again) from error
    size = part.stat().st_size
    part.replace(output)
    say({"async_action_id": action, "rows": shown["done_count"], "bytes": size, "file": str(output)})


def _download(api: Api, action: str, file: BinaryIO, at: int) -> None:
    """Write what is left of a result behind what is there. Gives up after some attempts that brought nothing."""
    fruitless = 0
    with Progress("downloading") as progress:
        while True:
            before = at
            link = look(api, action)["result_url"]
            if link is None:
                raise CommandFailed("the export's file is gone: they are kept for seven days", async_action_id=action)
            try:
                for piece, total in _pieces(api, link, before):
                    file.write(piece)
                    at += len(piece)
                    progress.at(at, total)
            except Unanswered as error:
                fruitless = 0 if at > before else fruitless + 1
                if fruitless == ATTEMPTS:
                    raise CommandFailed(f"the download broke off: {error}", AWAY) from error
                time.sleep(min(10.0, 0.5 * 2**fruitless))
            else:
                return


def _pieces(api: Api, link: str, at: int) -> Iterator[tuple[bytes, int]]:
    """Piece after piece, with how long the whole is; Unanswered where the end does not come."""
    with api.fetch(link, at) as response:
        if at and response.status != 206:
            if response.headers.get("Content-Length") == str(at):
                return  # nothing is left: the whole of it was there
            raise CommandFailed("the server does not go on where the download stopped; delete the .part file", NOT_WELL)
        total = at + int(response.headers.get("Content-Length") or 0)
        while piece := response.read(_PIECE_BYTES):
            at += len(piece)
            yield piece, total
        if at < total:
            raise Unanswered(f"{total - at} bytes are missing")
