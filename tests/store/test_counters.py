"""G1 in PostgreSQL: the CHECK against the ceiling, and the two statements that move counters."""

from typing import Any

import asyncpg
import pytest

from store.database import Database
from store.queries import query

pytestmark = pytest.mark.usefixtures("tenants")


async def move(
    db: Database,
    counter: str,
    granted: int,
    returned: int = 0,
    quarantined: int = 0,
    project_id: str = "prj_a",
) -> int:
    async with db.shard_tx(1) as tx:
        moved = await tx.fetch(query("move_counters"), [project_id], [counter], [granted], [returned], [quarantined])
    return len(moved)


async def ensure(db: Database, *children: str, parent: str = "u:cmp_1") -> None:
    n = len(children)
    async with db.shard_tx(1) as tx:
        await tx.execute(query("ensure_child_counters"), ["prj_a"] * n, list(children), [parent] * n)


async def counter(owner: Any, counter_id: str) -> asyncpg.Record:
    row = await owner.fetchrow("SELECT * FROM counters WHERE project_id = 'prj_a' AND id = $1", counter_id)
    assert row is not None
    return row  # type: ignore[no-any-return]


async def test_g1_the_ledger_takes_the_last_unit_and_refuses_one_more(reconciler: Database, owner: Any) -> None:
    assert await move(reconciler, "r:vch_1", 500) == 1
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await move(reconciler, "r:vch_1", 1)
    assert refused.value.constraint_name == "counters_within_ceiling"
    assert (await counter(owner, "r:vch_1"))["used"] == 500


async def test_g1_a_rollback_makes_room_within_the_same_batch(reconciler: Database, owner: Any) -> None:
    await move(reconciler, "r:vch_1", 500)
    await move(reconciler, "r:vch_1", granted=2, returned=5)
    row = await counter(owner, "r:vch_1")
    assert (row["granted"], row["returned"], row["used"]) == (502, 5, 497)


async def test_a_counter_never_returns_more_than_it_granted(reconciler: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await move(reconciler, "r:vch_1", granted=1, returned=2)
    assert refused.value.constraint_name == "counters_return_only_what_was_granted"


async def test_a_limit_may_be_lowered_below_what_is_used_while_the_ceiling_stays(
    reconciler: Database, app: Database, owner: Any
) -> None:
    await move(reconciler, "r:vch_1", 450)
    async with app.tenant_tx("prj_a") as tx:
        await tx.execute("UPDATE counters SET limit_value = 400, version = 2 WHERE id = 'r:vch_1'")
    # Admitted before the limit was lowered, settled after it: within the ceiling, so it is not refused.
    assert await move(reconciler, "r:vch_1", 50) == 1
    assert (await counter(owner, "r:vch_1"))["used"] == 500


async def test_g1_a_ceiling_cannot_fall_below_what_is_used(reconciler: Database, app: Database) -> None:
    await move(reconciler, "r:vch_1", 450)
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        async with app.tenant_tx("prj_a") as tx:
            await tx.execute("UPDATE counters SET limit_value = 400, ceiling = 400 WHERE id = 'r:vch_1'")
    assert refused.value.constraint_name == "counters_within_ceiling"


async def test_g1_the_app_cannot_write_a_count(app: Database) -> None:
    for statement in (
        "UPDATE counters SET granted = 0",
        "UPDATE counters SET returned = granted",
        "INSERT INTO counters (project_id, id, kind, granted) VALUES ('prj_a', 'r:x', 'redemptions', 1)",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            async with app.tenant_tx("prj_a") as tx:
                await tx.execute(statement)


async def test_a_counter_that_is_not_there_is_told_by_the_number_of_rows(reconciler: Database) -> None:
    assert await move(reconciler, "r:unknown", 1) == 0


async def test_children_take_their_templates_limit_and_are_held_to_it(reconciler: Database, owner: Any) -> None:
    await ensure(reconciler, "u:cmp_1:cust_1", "u:cmp_1:cust_2", "u:cmp_1:cust_1")
    row = await counter(owner, "u:cmp_1:cust_1")
    assert (row["kind"], row["parent_id"], row["limit_value"], row["ceiling"]) == (
        "customer",
        "u:cmp_1",
        2,
        2,
    )
    await move(reconciler, "u:cmp_1:cust_1", 2)
    with pytest.raises(asyncpg.CheckViolationError):
        await move(reconciler, "u:cmp_1:cust_1", 1)


@pytest.mark.parametrize(("ceiling", "expected"), [(1, 2), (2, 2), (5, 5), (None, None)])
async def test_a_childs_ceiling_is_only_raised(
    reconciler: Database, owner: Any, ceiling: int | None, expected: int | None
) -> None:
    await ensure(reconciler, "u:cmp_1:cust_1")
    await owner.execute(
        "UPDATE counters SET limit_value = $1, ceiling = $1 WHERE project_id = 'prj_a' AND id = 'u:cmp_1'",
        ceiling,
    )
    await ensure(reconciler, "u:cmp_1:cust_1")
    assert (await counter(owner, "u:cmp_1:cust_1"))["ceiling"] == expected


async def test_a_child_that_was_unlimited_stays_so(reconciler: Database, owner: Any) -> None:
    await owner.execute("UPDATE counters SET limit_value = NULL, ceiling = NULL WHERE id = 'u:cmp_1'")
    await ensure(reconciler, "u:cmp_1:cust_1")
    await owner.execute("UPDATE counters SET limit_value = 1, ceiling = 1 WHERE id = 'u:cmp_1'")
    await ensure(reconciler, "u:cmp_1:cust_1")
    assert (await counter(owner, "u:cmp_1:cust_1"))["ceiling"] is None


async def test_a_template_is_never_moved(reconciler: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await move(reconciler, "u:cmp_1", 1)
    assert refused.value.constraint_name == "counters_template_is_never_moved"


async def test_quarantined_units_come_and_go(reconciler: Database, owner: Any) -> None:
    await move(reconciler, "r:vch_1", 0, quarantined=3)
    await move(reconciler, "r:vch_1", 1, quarantined=-1)
    row = await counter(owner, "r:vch_1")
    assert (row["granted"], row["quarantined"], row["used"]) == (1, 2, 1)
