"""Changes that their request could not finish reach Redis all the same."""

from domain.definitions import campaign_key
from domain.rules import CampaignRow, Rules
from store.definitions import encode_campaign
from tests.reconciler.lab import ACCOUNT, PROJECT, SHARD, Lab
from tests.servers.waiting import eventually


async def test_g6_a_change_that_its_request_left_behind_is_put_in_force(lab: Lab) -> None:
    async with lab.running():
        scripts = await lab.scripts()
        known = CampaignRow("cmp_1", PROJECT, 1, "active", Rules(), 0)
        assert (await scripts.apply(PROJECT, encode_campaign(known), [], 1, create=True))[0].value == 0
        await lab.owner.execute(
            "INSERT INTO campaigns (project_id, id, account_id, name, rules, status, version)"
            " VALUES ($1, 'cmp_1', $2, 'Sale', '{}', 'paused', 2)",
            PROJECT,
            ACCOUNT,
        )
        await lab.owner.execute(
            "INSERT INTO outbox (project_id, shard, object, object_id, version, created_at)"
            " VALUES ($1, $2, 'campaign', 'cmp_1', 2, now() - interval '1 minute')",
            PROJECT,
            SHARD,
        )

        async def is_applied() -> bool:
            return bool(await lab.owner.fetchval("SELECT applied_at IS NOT NULL FROM outbox"))

        await eventually(is_applied, "the projector")
        _, _, found = await scripts.peek(PROJECT, [campaign_key("cmp_1")])
    assert found[0] is not None
    assert found[0].version == 2


async def test_g6_a_change_that_cannot_be_told_holds_up_no_other(lab: Lab) -> None:
    async with lab.running():
        await lab.scripts()
        await lab.owner.execute(
            "INSERT INTO campaigns (project_id, id, account_id, name, rules, status, version)"
            " VALUES ($1, 'cmp_1', $2, 'Broken', '{\"max_redemptions\": \"many\"}', 'active', 2),"
            " ($1, 'cmp_2', $2, 'Sale', '{}', 'paused', 2), ($1, 'cmp_3', $2, 'Sale', '{}', 'paused', 2)",
            PROJECT,
            ACCOUNT,
        )
        await lab.owner.execute(
            "INSERT INTO outbox (project_id, shard, object, object_id, version, created_at)"
            " SELECT project_id, $1, 'campaign', id, 2, now() - interval '1 minute' FROM campaigns ORDER BY id",
            SHARD,
        )

        async def are_applied() -> bool:
            done = await lab.owner.fetch("SELECT object_id FROM outbox WHERE applied_at IS NOT NULL ORDER BY object_id")
            return [row["object_id"] for row in done] == ["cmp_2", "cmp_3"]

        await eventually(are_applied, "the changes beside the broken one")


async def test_applied_rows_and_old_leases_are_swept(lab: Lab) -> None:
    await lab.open()
    await lab.owner.execute(
        "INSERT INTO worker_leases (shard, epoch, worker_id, expires_at) VALUES ($1, 1, 'w', now())", SHARD
    )
    await lab.owner.execute(
        "INSERT INTO outbox (project_id, shard, object, object_id, version, applied_at)"
        " VALUES ($1, $2, 'campaign', 'cmp_1', 2, now() - interval '2 days')",
        PROJECT,
        SHARD,
    )
    await lab.recovery().next(await lab.state())
    async with lab.running():

        async def are_gone() -> bool:
            left = await lab.owner.fetchval(
                "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM worker_leases)"
            )
            return bool(left == 0)

        await eventually(are_gone, "the sweep")
