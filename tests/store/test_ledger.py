"""What the tables of the ledger and of the shards refuse, whoever writes."""

from typing import Any

import asyncpg
import pytest

from store.database import Database

pytestmark = pytest.mark.usefixtures("tenants")

COPY = """INSERT INTO redemptions SELECT (jsonb_populate_record(r, $1)).* FROM redemptions r
    WHERE project_id = 'prj_a' AND id = 'rdm_1'"""


async def test_g3_a_redemption_is_there_once_whatever_its_position(reconciler: Database) -> None:
    async with reconciler.shard_tx(1) as tx:
        again = {"epoch": 2, "entry_ms": 77, "created_at": "2030-01-01T00:00:00Z"}
        assert await tx.execute(COPY + " ON CONFLICT (project_id, id) DO NOTHING", again) == "INSERT 0 0"
        assert await tx.execute(COPY, {"id": "rdm_2"}) == "INSERT 0 1"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "rolled_back"},
        {"rolled_back_at": "2030-01-01T00:00:00Z"},
        {"status": "rolled_back", "rolled_back_at": "2030-01-01T00:00:00Z", "rollback_epoch": 1},
        {"status": "pending"},
        {"order_value_minor": -1},
        {"total_minor": 2**53},
        {"currency": "eur"},
        {"entry_index": -1},
        {"durability": "some"},
    ],
)
async def test_a_redemption_that_cannot_be_is_refused(reconciler: Database, changes: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with reconciler.shard_tx(1) as tx:
            await tx.execute(COPY, {"id": "rdm_2", **changes})


async def test_a_rollback_names_its_own_position(reconciler: Database) -> None:
    async with reconciler.shard_tx(1) as tx:
        done = await tx.execute(
            "UPDATE redemptions SET status = 'rolled_back', rolled_back_at = now(), rollback_epoch = 1, "
            "rollback_entry_ms = 5, rollback_entry_seq = 0, rollback_entry_index = 0 "
            "WHERE project_id = 'prj_a'"
        )
        assert done == "UPDATE 1"


async def test_a_shard_has_at_most_one_epoch_that_is_not_closed(reconciler: Database) -> None:
    open_next = (
        "INSERT INTO epochs (shard, epoch, state, run_id, replication_id) "
        "VALUES (1, 2, 'opening', 'run', 'replication')"
    )
    with pytest.raises(asyncpg.UniqueViolationError, match="epochs_one_not_closed"):
        async with reconciler.shard_tx(1) as tx:
            await tx.execute(open_next)
    async with reconciler.shard_tx(1) as tx:
        await tx.execute("UPDATE epochs SET state = 'closed', closed_at = now()")
        assert await tx.execute(open_next) == "INSERT 0 1"


async def test_a_position_moves_only_from_where_it_stood(reconciler: Database) -> None:
    move = (
        "UPDATE stream_positions SET entry_ms = 9, updated_at = now() "
        "WHERE shard = 1 AND epoch = 1 AND entry_ms = $1 AND entry_seq = 0"
    )
    async with reconciler.shard_tx(1) as tx:
        assert await tx.execute(move, 4) == "UPDATE 0"
        assert await tx.execute(move, 0) == "UPDATE 1"


async def test_a_lease_is_for_an_epoch_that_exists(app: Database) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with app.shard_tx(1, worker_id="wrk_x") as tx:
            await tx.execute(
                "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at) VALUES (1, 7, 'wrk_x', now())"
            )


async def test_an_event_is_quarantined_once(reconciler: Database) -> None:
    again = (
        "INSERT INTO quarantine (id, shard, epoch, entry_ms, entry_seq, entry_index, payload, reason) "
        "SELECT 'qua_again', shard, epoch, entry_ms, entry_seq, entry_index, payload, reason "
        "FROM quarantine WHERE id = 'qua_a' "
        "ON CONFLICT (shard, epoch, entry_ms, entry_seq, entry_index) DO NOTHING"
    )
    async with reconciler.shard_tx(1) as tx:
        assert await tx.execute(again) == "INSERT 0 0"


async def test_an_alarm_that_is_open_is_not_raised_twice(reconciler: Database) -> None:
    raise_again = (
        "INSERT INTO alarms (id, kind, shard) VALUES ($1, $2, $3) "
        "ON CONFLICT (kind, shard) WHERE resolved_at IS NULL DO NOTHING"
    )
    async with reconciler.shard_tx(1) as tx:
        assert await tx.execute(raise_again, "alm_x", "quarantine_a", 1) == "INSERT 0 0"
        assert await tx.execute(raise_again, "alm_y", "restore", None) == "INSERT 0 1"
        assert await tx.execute(raise_again, "alm_z", "restore", None) == "INSERT 0 0"
