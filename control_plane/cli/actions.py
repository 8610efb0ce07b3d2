"""`actions`: work that the server does by itself, watched from here. It goes on when the watcher goes."""

import time
from typing import Any

import click

from control_plane.cli.answering import NOT_WELL, CommandFailed, fail, say
from control_plane.cli.api import Api, segment
from control_plane.cli.asking import with_api
from control_plane.cli.progress import Progress

OVER = ("done", "failed", "cancelled")
INTERRUPTED = 130
_LOOK_S = 0.5


@click.group()
def actions() -> None:
    """Imports, exports and batches under way."""


@actions.command("list")
@click.option("--status", type=click.Choice(["queued", "running", *OVER]))
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@with_api
def list_(api: Api, status: str | None, limit: int) -> None:
    """The newest ones."""
    say(api.get("/v1/async-actions", {"status": status, "limit": str(limit)})["data"])


@actions.command("show")
@click.argument("action_id")
@click.option("--wait", is_flag=True, help="until it is over")
@with_api
def show(api: Api, action_id: str, wait: bool) -> None:
    """One of them with its failures; 1 if it failed, or any row of it did."""
    end(watch(api, action_id, "working") if wait else look(api, action_id))


@actions.command("cancel")
@click.argument("action_id")
@with_api
def cancel(api: Api, action_id: str) -> None:
    """End it; what is done stays done."""
    say(api.post(f"/v1/async-actions/{segment(action_id)}/cancel", {}, f"cancel-{action_id}"[:255]))


def look(api: Api, action_id: str) -> dict[str, Any]:
    """How it stands."""
    shown: dict[str, Any] = api.get(f"/v1/async-actions/{segment(action_id)}")
    return shown


def watch(api: Api, action_id: str, label: str) -> dict[str, Any]:
    """Wait until it is over, with a bar."""
    try:
        with Progress(label) as progress:
            while True:
                shown = look(api, action_id)
                gone = shown["done_count"] + shown["failed_count"]
                if shown["progress"] is None:
                    progress.counted(gone)
                else:
                    progress.at(gone, shown["total_count"])
                if shown["status"] in OVER:
                    return shown
                time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        again = f"vauchflow actions show {action_id} --wait"
        fail("no longer watched; it goes on", INTERRUPTED, async_action_id=action_id, again=again)


def end(shown: dict[str, Any]) -> None:
    """Say how it stands, and end with 1 where not all of it went well."""
    say(shown)
    if shown["failed_count"] or shown["status"] in ("failed", "cancelled"):
        raise SystemExit(NOT_WELL)


def expect_done(shown: dict[str, Any]) -> dict[str, Any]:
    """The action, if it came to its end."""
    if shown["status"] != "done":
        reason = shown["reason"] or "no reason is known"
        raise CommandFailed(f"the action is {shown['status']}: {reason}", async_action_id=shown["id"])
    return shown
