"""`vauchflow doctor` on shards, the ledger and what waits: each broken for real on PostgreSQL and Valkey."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from control_plane.cli.doctor import shards
from domain.events import Settled
from domain.events import encode as encode_event
from domain.ids import fingerprint
from domain.ledger import Item, Mode
from domain.outcomes import Status
from store.keys import Keyspace
from store.link import Link
from store.scripts import Scripts
from tests.control_plane.conftest import OpenEpoch
from tests.control_plane.doctoring import Told, of_database
from tests.servers.postgres import DatabaseUrls


@pytest.fixture
async def link(redis_url: str) -> AsyncIterator[Link]:
    link = Link(redis_url)
    yield link
    await link.close()


@pytest.fixture
async def opened(open_epoch: OpenEpoch, redis_url: str, owner: Any) -> Scripts:
    """Shard 1 stands open, and shard 0 as well, so that nothing else is the matter."""
    scripts = await open_epoch(redis_url)
    await owner.execute(
        "INSERT INTO epochs (shard, epoch, state, run_id, replication_id, opened_at) "
        "SELECT 0, epoch, state, run_id, replication_id, opened_at FROM epochs WHERE shard = 1"
    )
    await owner.execute("INSERT INTO stream_positions (shard, epoch, entry_ms, entry_seq) VALUES (0, 1, 0, 0)")
    assert await Scripts(scripts_link(scripts), Keyspace(0, 1)).open(withheld=False, bound=100) is Status.OK
    return scripts


def scripts_link(scripts: Scripts) -> Any:
    return scripts._call.__self__  # type: ignore[attr-defined]


def look(database: DatabaseUrls, redis_url: str) -> Told:
    return of_database(database, VAUCHFLOW_REDIS_URL=redis_url, VAUCHFLOW_SHARDS="2")


async def grant(scripts: Scripts) -> None:
    """An event that nobody settles."""
    payload = encode_event(Settled("qua_none", "prj_none", "void", "a test"))
    item = Item(Mode.COMMIT, record_id="q:none", fingerprint=fingerprint("q", payload), payload=payload)
    assert (await scripts.commit([item])).status is Status.OK


async def test_epochs_that_are_not_where_they_should_be(
    database: DatabaseUrls, owner: Any, redis_url: str, opened: Scripts, link: Link
) -> None:
    def codes(told: Told) -> set[str]:
        of_shards = {code for code, found in told.findings.items() if found["shard"] is not None}
        return of_shards | ({"shards_never_opened"} & set(told.findings))

    assert codes(look(database, redis_url)) == set()
    # PostgreSQL was restored: Redis has confirmed what it does not have.
    await link.command("HSET", opened.keyspace.meta, "position", "77-0")
    told = look(database, redis_url)
    assert "77-0" in told.what("ledger_behind")
    await link.command("HSET", opened.keyspace.meta, "position", "0-0")
    # Somebody must say that what is withheld may be sold.
    await owner.execute("UPDATE epochs SET withheld_epochs = 2 WHERE shard = 1")
    assert "2 epoch(s)" in look(database, redis_url).what("epoch_withholds")
    await owner.execute("UPDATE epochs SET released_at = now(), released_by = 'Ada' WHERE shard = 1")
    assert codes(look(database, redis_url)) == set()
    assert await opened.close() is Status.OK
    assert "has closed" in look(database, redis_url).what("epoch_gone")
    await link.command("FLUSHALL")
    assert "does not have" in look(database, redis_url).what("epoch_gone")
    await owner.execute("UPDATE epochs SET run_id = repeat('0', 40) WHERE shard = 1")
    assert look(database, redis_url).findings["epoch_on_another_server"]["shard"] == 1
    await owner.execute("UPDATE epochs SET state = 'closing'")
    assert look(database, redis_url).severity("shard_not_open") == "error"
    await owner.execute("DELETE FROM stream_positions WHERE shard = 1")
    await owner.execute("DELETE FROM epochs WHERE shard = 1")
    assert look(database, redis_url).what("shards_never_opened").endswith("open: 1.")


async def test_a_ledger_that_lags_is_seen_by_the_oldest_event_that_waits(
    owner: Any, opened: Scripts, link: Link
) -> None:
    await link.identity()
    await grant(opened)
    now = time.time()
    assert await shards.examine(owner, link, 2, lambda: now) == []
    (late,) = await shards.examine(owner, link, 2, lambda: now + 20)
    assert (late.severity, late.code, late.shard) == ("warning", "ledger_lags", 1)
    assert "1 event(s) of shard 1" in late.what
    (stands,) = await shards.examine(owner, link, 2, lambda: now + 90)
    assert stands.severity == "error"


async def test_what_waits_for_somebody_is_named(
    database: DatabaseUrls, owner: Any, redis_url: str, opened: Scripts
) -> None:
    await owner.execute("INSERT INTO accounts (id, name, plan, shard) VALUES ('acc_1', 'A', 'unlimited', 5)")
    await owner.execute("INSERT INTO projects (account_id, id, name) VALUES ('acc_1', 'prj_1', 'P')")
    await owner.execute(
        "INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, project_id, payload, reason) "
        "SELECT 'qua_' || n, 1, 1, 1, n, 0, 'prj_1', '', 'over_ceiling' FROM generate_series(1, 3) n"
    )
    await owner.execute(
        "INSERT INTO alarms (id, kind, shard, detail) VALUES ('alm_1', 'shard_stopped', 0, $1), "
        "('alm_2', 'something_new', 1, '{}'), ('alm_3', 'quarantine', 1, '{}')",
        {"error": "NewerSchema"},
    )
    await owner.execute(
        "INSERT INTO async_actions (project_id, id, type, status, total_count, attempts, updated_at) "
        "VALUES ('prj_1', 'act_stuck', 'voucher_import', 'running', 10, 3, now() - interval '5 minutes'), "
        "('prj_1', 'act_fresh', 'export', 'queued', 10, 0, now()), "
        "('prj_1', 'act_over', 'export', 'failed', 10, 0, now() - interval '5 minutes')"
    )
    await owner.execute(
        "INSERT INTO outbox (project_id, shard, object, object_id, version, created_at) "
        "VALUES ('prj_1', 1, 'voucher', 'vch_1', 2, now() - interval '1 minute')"
    )
    await owner.execute(
        "INSERT INTO referral_tasks (project_id, redemption_id, side, action, not_before) "
        "VALUES ('prj_1', 'rdm_1', 'referrer', 'issue', now() - interval '10 minutes')"
    )
    await owner.execute(
        "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at) VALUES "
        "(1, 1, 'wrk_gone', now() - interval '1 hour'), (1, 1, 'wrk_lives', now() + interval '1 minute')"
    )
    told = look(database, redis_url)
    assert "3 event(s) of shard 1" in told.what("quarantine_open")
    assert "act_stuck" in told.what("actions_stuck")
    assert "act_fresh" not in json.dumps(told.findings)
    assert "act_over" not in json.dumps(told.findings)
    assert told.severity("changes_pending") == "error"
    assert told.severity("rewards_late") == "warning"
    assert "wrk_gone" in told.what("workers_lost")
    assert "wrk_lives" not in told.what("workers_lost")
    assert "1 account(s)" in told.what("shards_too_few")
    await owner.execute("UPDATE alarms SET resolved_at = now() WHERE kind = 'something_new'")
    told = look(database, redis_url)
    assert "error NewerSchema" in told.what("alarm_open")
    assert told.severity("alarm_open") == "error"
