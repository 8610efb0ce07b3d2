"""A world starts, is harmed, heals, and leaves no process behind."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.faults import Crash, Pause
from tests.chaos.faults_redis import DataGone
from tests.chaos.nemesis import Nemesis, Step
from tests.chaos.tree import CHAOS_PATCHES, make_tree
from tests.chaos.world import World
from tests.e2e.checkout import Checkout
from tests.servers.stack import is_alive
from tests.servers.waiting import eventually

SEED_WITHOUT_CLOCKS = 4


def processes_in(folder: Path) -> list[str]:
    """What runs with this folder in its command line."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = cmdline.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in text:
            found.append(text)
    return found


@pytest.mark.slow
async def test_a_world_is_harmed_heals_and_leaves_nothing_behind(new_folder: Callable[[str], Path]) -> None:
    folder = new_folder("world")
    tree = make_tree(folder / "tree", CHAOS_PATCHES)
    world = World(folder / "world", SEED_WITHOUT_CLOCKS, tree, appendfsync="always", replica=True)
    await world.start()
    try:
        await sell(world, 1)
        steps = (
            Step(0.0, Crash(processes=("engine-1",))),
            Step(0.1, Pause(process="postgres", lasts_s=0.5)),
            Step(0.2, DataGone()),
        )
        nemesis = Nemesis(world, SEED_WITHOUT_CLOCKS, 1.0, steps)
        await nemesis.run()
        await nemesis.heal()
        assert nemesis.counts == {"crash": 1, "pause": 1, "data gone": 1}
        assert {loss.kind for loss in world.losses} == {"engine", "disk"}
        await world.command_line("epoch", "release", "--by", "test")
        await sell(world, 2)
        # Stopped in the middle of a fault: a process that hears nothing must go, too.
        await Pause(process="postgres").apply(world, random.Random(1))
        pids = [pid for name in world.children.names() for pid in world.children.pids(name)]
    finally:
        await world.stop()
    assert [pid for pid in pids if is_alive(pid)] == []
    assert processes_in(folder) == []


async def sell(world: World, number: int) -> None:
    """Each tenant sells one through each engine."""
    for tenant in world.tenants:
        async with Checkout(world.control_url, tenant.secret_key, connections=1) as admin:
            voucher = {"code": f"CODE{number}", "discount_type": "AMOUNT", "discount_value": 5}
            answer = await admin.call("POST", "/v1/vouchers", voucher)
            assert answer.status == 201, answer
        for url in world.engine_urls:
            async with Checkout(url, tenant.secret_key, connections=1) as shop:

                async def sold(shop: Checkout = shop, url: str = url) -> bool:
                    return (await shop.redeem(f"CODE{number}", f"{number} at {url}")).status == 200

                await eventually(sold, f"a sale at {url}", within_s=30)


async def test_the_operators_command_line_speaks_of_this_world(new_folder: Callable[[str], Path]) -> None:
    """Built without starting anything: the addresses of the processes are the links', those of the driver direct."""
    world = World(new_folder("world"), 1, Path("/nowhere"), appendfsync="everysec", replica=False)
    assert world.trust_aof is False
    world.links.ports = {name: 1000 + number for number, name in enumerate(world.servers.targets())}
    program = world.servers.program("engine-1", world.links.ports)
    assert program.cwd == Path("/nowhere")
    for variable, link in (
        ("VAUCHFLOW_APP_DATABASE_URL", "engine-1->postgres"),
        ("VAUCHFLOW_REDIS_URL", "engine-1->valkey"),
    ):
        assert f":{world.links.ports[link]}/" in program.env[variable]
    operator = world.servers.command_line(world.redis_url, "epoch", "list")
    assert f":{world.servers.port_of('valkey')}/" in operator.env["VAUCHFLOW_REDIS_URL"]
    assert operator.argv[-2:] == ("epoch", "list")
