"""`tail redemptions`: the ledger's newest, and with --follow what comes after them."""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

from control_plane.cli.answering import AWAY, CommandFailed, say
from control_plane.cli.api import Api
from control_plane.cli.asking import with_api

LOOK_S = 1.0
OVERLAP_S = 60
"""Redemptions reach the ledger a moment after they were made, and not quite in their order: each look begins so long
before the newest that was shown. What comes in later than that, as after a recovery, is not shown."""
_PAGE = 100


@click.group()
def tail() -> None:
    """The newest of a list, and what comes after."""


@tail.command("redemptions")
@click.option("-f", "--follow", is_flag=True, help="go on until interrupted; a rollback shows the redemption again")
@click.option(
    "-n", "count", type=click.IntRange(0, _PAGE), default=10, show_default=True, help="how many to begin with"
)
@click.option("--code")
@click.option("--campaign", help="its id")
@click.option("--customer", help="the shop's id of a customer")
@click.option("--json", "as_json", is_flag=True, help="JSON, one redemption a line")
@with_api
def redemptions(
    api: Api, follow: bool, count: int, code: str | None, campaign: str | None, customer: str | None, as_json: bool
) -> None:
    """Redemptions as the ledger has them, the newest last."""
    filters = {"code": code, "campaign_id": campaign, "customer_id": customer}
    began = datetime.now(UTC)
    newest = api.get("/v1/redemptions", {**filters, "limit": str(max(count, 1))})["data"]
    seen = _Seen()
    seen.take(newest)
    for row in reversed(newest[:count]):
        _show(row, as_json)
    since = _time(newest[0]) if newest else began
    try:
        while follow:
            time.sleep(LOOK_S)
            since = _look(api, filters, seen, since, as_json)
    except KeyboardInterrupt:
        return


def _look(api: Api, filters: dict[str, str | None], seen: "_Seen", since: datetime, as_json: bool) -> datetime:
    """Show what is new since the last look; where the next one begins."""
    begin = since - timedelta(seconds=OVERLAP_S)
    try:
        rows = list(_since(api, {**filters, "created_from": begin.isoformat()}))
    except CommandFailed as error:
        if error.exit_code != AWAY:
            raise
        sys.stderr.write(msgspec.json.encode({"event": "api_away", "message": str(error)}).decode() + "\n")
        return since
    for row in reversed(seen.take(rows)):
        _show(row, as_json)
    seen.forget_before(begin)
    return max((_time(row) for row in rows[:1]), default=since)


def _since(api: Api, filters: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    """All pages, newest first."""
    cursor: str | None = None
    while True:
        page = api.get("/v1/redemptions", {**filters, "limit": str(_PAGE), "cursor": cursor})
        yield from page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


class _Seen:
    """Which redemptions were shown, and in which state."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[str, datetime]] = {}

    def take(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Those that are new or have changed; from now on they are seen."""
        fresh = [row for row in rows if self._states.get(row["id"], ("",))[0] != row["status"]]
        self._states.update({row["id"]: (row["status"], _time(row)) for row in rows})
        return fresh

    def forget_before(self, begin: datetime) -> None:
        """No look comes back to them."""
        self._states = {id_: state for id_, state in self._states.items() if state[1] >= begin}


def _time(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["created_at"])


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say(row)
        return
    amount = f"{row['discount_applied']} off {row['order_value']} {row['currency']}"
    code, customer = row["code"] or row["voucher_id"], row["customer_id"] or "-"
    click.echo(f"{row['created_at']}  {row['status']:<21}  {code:<20}  {amount:<24}  {customer}  {row['id']}")
    sys.stdout.flush()
