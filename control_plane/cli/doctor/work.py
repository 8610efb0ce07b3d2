"""What waits for somebody: alarms, quarantine, changes, asynchronous actions, rewards, workers that are gone."""

from typing import Any

from control_plane.cli.doctor.findings import Finding, Severity, error, some, warning
from store.queries import query

STUCK_S = 120.0
"""Leases are 5 s and renewed by every chunk, turns are 2 s, attempts that fail wait no longer than a minute."""
LATE_S = 30.0
GONE_S = 120.0

_ALARMS, _QUARANTINE = query("doctor_alarms"), query("doctor_quarantine")
_ACTIONS, _OUTBOX, _TASKS = query("doctor_stuck_actions"), query("doctor_outbox"), query("doctor_referral_tasks")
_LOST, _HOMELESS = query("doctor_lost_workers"), query("doctor_accounts_without_shard")

_SEEN_OTHERWISE = {"quarantine", "epoch_withheld"}
_SEVERITY: dict[str, Severity] = {"shard_stopped": "error", "ledger_behind": "error"}


async def examine(connection: Any, shards: int) -> list[Finding]:
    """All that PostgreSQL knows to wait."""
    return [
        *await _alarms(connection),
        *await _quarantine(connection),
        *await _changes(connection),
        *await _actions(connection),
        *await _rewards(connection),
        *await _workers(connection),
        *await _accounts(connection, shards),
    ]


async def _alarms(connection: Any) -> list[Finding]:
    return [
        Finding(
            severity=_SEVERITY.get(row["kind"], "warning"),
            code="alarm_open",
            what=f"The alarm {row['kind']} is open on shard {row['shard']} since {row['created_at']:%Y-%m-%d %H:%M} "
            f"UTC: {some([f'{name} {value}' for name, value in sorted(row['detail'].items())])}.",
            why="An alarm is something that a person must look at. It goes when what it tells of is over.",
            mend=f"docs/operating/alarms.md#{row['kind']} says what to do.",
            shard=row["shard"],
        )
        for row in await connection.fetch(_ALARMS)
        if row["kind"] not in _SEEN_OTHERWISE
    ]


async def _quarantine(connection: Any) -> list[Finding]:
    return [
        warning(
            "quarantine_open",
            f"{row['entries']} event(s) of shard {row['shard']} stand in quarantine, the oldest since "
            f"{row['since']:%Y-%m-%d %H:%M} UTC.",
            "They were acknowledged and are not in the ledger; their units stay taken until somebody decides.",
            f"vauchflow quarantine list --shard {row['shard']}, then quarantine apply or void.",
            row["shard"],
        )
        for row in await connection.fetch(_QUARANTINE)
    ]


async def _changes(connection: Any) -> list[Finding]:
    return [
        error(
            "changes_pending",
            f"{row['changes']} change(s) on shard {row['shard']} are not in force, the oldest since "
            f"{row['since']:%Y-%m-%d %H:%M:%S} UTC.",
            "They were answered 202: what was tightened is still granted by the old definition.",
            "The reconciler puts them in force: see that one runs and reaches Redis.",
            row["shard"],
        )
        for row in await connection.fetch(_OUTBOX, LATE_S)
    ]


async def _actions(connection: Any) -> list[Finding]:
    rows = await connection.fetch(_ACTIONS, STUCK_S)
    if not rows:
        return []
    named = [f"{row['type']} {row['id']} ({row['status']}, {row['attempts']} attempts)" for row in rows]
    return [
        error(
            "actions_stuck",
            f"Nobody works on {some(named)}.",
            "Imports, exports and batches stand still.",
            "See that a control plane runs (its worker does them), and what it logs: `attempts` says that they were "
            "tried and failed. They go on where they stopped.",
        )
    ]


async def _rewards(connection: Any) -> list[Finding]:
    row = await connection.fetchrow(_TASKS, STUCK_S)
    if not row["tasks"]:
        return []
    return [
        warning(
            "rewards_late",
            f"{row['tasks']} reward(s) of referrals are due since {row['since']:%Y-%m-%d %H:%M} UTC.",
            "Referrers wait for what they were promised.",
            "See that a control plane runs, and what it logs of rewards.",
        )
    ]


async def _workers(connection: Any) -> list[Finding]:
    return [
        warning(
            "workers_lost",
            f"Engine workers {some(row['workers'])} of shard {row['shard']} neither left nor renewed their lease.",
            "Once the ledger has taken in all that they granted, the reconciler forgets them. If they stay here, it "
            "does not get on; and should Redis be lost now, W units would be withheld.",
            "See that a reconciler runs; if the workers' machine is only cut off, bring it back.",
            row["shard"],
        )
        for row in await connection.fetch(_LOST, GONE_S)
    ]


async def _accounts(connection: Any, shards: int) -> list[Finding]:
    homeless = await connection.fetchval(_HOMELESS, shards)
    if not homeless:
        return []
    return [
        error(
            "shards_too_few",
            f"{homeless} account(s) are on shards that VAUCHFLOW_SHARDS={shards} does not serve.",
            "Nothing of theirs can be sold.",
            "Set VAUCHFLOW_SHARDS to what it was when the first account was made, everywhere.",
        )
    ]
