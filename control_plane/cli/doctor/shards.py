"""The shards: does each have an open epoch, on this very server, with a reconciler that keeps up with it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import redis.asyncio as aioredis
from redis.exceptions import RedisError

from control_plane.cli.doctor.findings import Finding, error, some, warning
from domain.ledger import Position
from store.keys import Keyspace, confirmed_channel
from store.link import Link
from store.recovery import ShardState, read_state

LISTEN_S = 3.0
"""The reconciler speaks of every shard at least twice a second."""
LAGS_S, STANDS_S = 5.0, 60.0

_RECOVERY = "docs/operating/recovery.md"


class Backlog(msgspec.Struct, frozen=True):
    """An epoch as Redis has it; None where it does not."""

    state: str | None
    position: Position = Position()
    waiting: int = 0
    oldest_ms: int | None = None


async def examine(connection: Any, link: Link | None, shards: int, clock: Callable[[], float]) -> list[Finding]:
    """Every shard that is served. Without a link, as PostgreSQL alone sees them."""
    states = [(shard, await read_state(connection, shard)) for shard in range(shards)]
    never = [shard for shard, state in states if state is None or not state.ever_open]
    found = []
    if never:
        found.append(
            error(
                "shards_never_opened",
                f"Shards that have never been open: {some([str(shard) for shard in never])}.",
                "Accounts on them get 503 recovering for everything that is sold.",
                "Start a reconciler (python -m engine.reconciler) with the same VAUCHFLOW_SHARDS and Redis: it opens "
                "them.",
            )
        )
    for shard, state in states:
        if state is None or shard in never:
            continue
        if state.state != "open":
            found.append(_not_open(state))
            continue
        if state.withheld_epochs:
            found.append(_withheld(state))
        if link is not None:
            found += await _on_redis(link, state, clock)
    return found


def _not_open(state: ShardState) -> Finding:
    return error(
        "shard_not_open",
        f"Epoch {state.epoch} of shard {state.shard} is {state.state}, and no other is open.",
        "Everything that is sold on it answers 503 recovering. Within seconds of a loss of Redis that is as it should "
        "be; for longer it is not.",
        f"See that a reconciler runs and reaches both stores: it opens the next epoch by itself ({_RECOVERY}).",
        state.shard,
    )


def _withheld(state: ShardState) -> Finding:
    return warning(
        "epoch_withholds",
        f"Shard {state.shard} keeps W units of every counter back, for {state.withheld_epochs} epoch(s) that nobody "
        "has accounted for.",
        "Codes with less room than that answer 503 recovering.",
        f"Bring the missing workers back (`vauchflow epoch list --shard {state.shard}` names them), or, when it is "
        f"settled what was lost: vauchflow epoch release --shard {state.shard}",
        state.shard,
    )


async def _on_redis(link: Link, state: ShardState, clock: Callable[[], float]) -> list[Finding]:
    shard = state.shard
    if link.expected != state.identity:
        return [
            error(
                "epoch_on_another_server",
                f"The epoch of shard {shard} was opened on another server than the one that answers now.",
                "Redis was restarted, replaced or failed over. The reconciler closes the epoch and opens the next; "
                "until then nothing is sold.",
                "If this stays for more than some seconds, no reconciler runs, or it points at another Redis "
                f"({_RECOVERY}).",
                shard,
            )
        ]
    backlog = await read_backlog(link, Keyspace(shard, state.epoch))
    if backlog.state != "open":
        what = "does not have" if backlog.state is None else "has closed"
        return [
            error(
                "epoch_gone",
                f"Redis {what} the epoch that PostgreSQL holds open for shard {shard}.",
                "Its data were flushed, or a script failed. The reconciler opens the next; until then nothing is sold.",
                f"If this stays for more than some seconds, see that a reconciler runs ({_RECOVERY}).",
                shard,
            )
        ]
    if state.position_epoch == state.epoch and backlog.position > state.position:
        return [
            error(
                "ledger_behind",
                f"PostgreSQL stands at {state.position} on shard {shard}, Redis has confirmed {backlog.position}.",
                "PostgreSQL was restored from a backup, or failed over to a replica that lagged: rows are missing.",
                "Bring back a PostgreSQL that has them; else epoch salvage, epoch abandon (docs/operating/backup.md).",
                shard,
            )
        ]
    return _lag(shard, backlog, clock())


def _lag(shard: int, backlog: Backlog, now_s: float) -> list[Finding]:
    if backlog.oldest_ms is None:
        return []
    lag_s = now_s - backlog.oldest_ms / 1000
    if lag_s < LAGS_S:
        return []
    say = error if lag_s >= STANDS_S else warning
    return [
        say(
            "ledger_lags",
            f"{backlog.waiting} event(s) of shard {shard} wait for the ledger, the oldest for {lag_s:.0f} s.",
            "Counters sell at most W units that are not in the ledger, then answer 503 ledger_lagging; what is "
            "committed does so after two seconds.",
            "See that a reconciler runs and what it logs; a slow PostgreSQL shows in its lag metric. Delete nothing: "
            "the events are safe in the stream.",
            shard,
        )
    ]


async def read_backlog(link: Link, keyspace: Keyspace) -> Backlog:
    """How far Redis is, and what is the oldest event that is not in the ledger."""
    state, position, added, settled = await link.command(
        "HMGET", keyspace.meta, "state", "position", "added", "settled"
    )
    if state is None or position is None:
        return Backlog(None)
    at = Position.parse(position.decode())
    entries = await link.command("XRANGE", keyspace.stream, f"({at}", "+", "COUNT", 1)
    oldest = Position.parse(entries[0][0].decode()).entry_ms if entries else None
    return Backlog(state.decode(), at, int(added or 0) - int(settled or 0), oldest)


async def examine_silence(redis_url: str, shards: int, listen_s: float = LISTEN_S) -> list[Finding]:
    """Whether a reconciler speaks of every shard."""
    silent = {confirmed_channel(shard).encode(): shard for shard in range(shards)}
    client = aioredis.Redis.from_url(redis_url, protocol=2, socket_connect_timeout=2.0, socket_timeout=None)
    ends = time.monotonic() + listen_s
    try:
        async with client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(*silent)
            while silent and (left := ends - time.monotonic()) > 0:
                async with asyncio.timeout(left + 1.0):
                    message = await subscription.get_message(timeout=left)
                if message is not None:
                    silent.pop(message["channel"], None)
    except (RedisError, TimeoutError, OSError):
        # It was there a moment ago: that nobody was heard is what counts.
        silent = dict(silent)
    finally:
        await client.aclose()
    if not silent:
        return []
    return [
        error(
            "reconciler_silent",
            f"Shards of which no reconciler was heard for {listen_s:.0f} s: "
            f"{some([str(shard) for shard in silent.values()])}.",
            "Redemptions of the class committed are refused after two seconds, everything else after W units; changes "
            "that Redis missed stay pending, and nobody opens the next epoch.",
            "Start one (python -m engine.reconciler; any number may run), or see what the one that runs logs.",
        )
    ]
