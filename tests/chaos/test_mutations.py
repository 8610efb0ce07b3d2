"""Every mutation still fits the tree: a guard that has moved must be found again, or nobody would notice its loss."""

from pathlib import Path

import pytest
import redis.asyncio as aioredis

from store.lua import load
from tests.chaos.mutations import MUTATIONS
from tests.chaos.tree import CHAOS_PATCHES, make_tree

GUARDS = {"fence", "window", "ring", "lease", "overlay", "ceiling", "position", "noscript_identity"}


def test_every_guard_of_the_design_has_a_mutation() -> None:
    assert set(MUTATIONS) >= GUARDS | {"idempotency_first", "gross"}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_applies_and_leaves_python_that_compiles(name: str, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", (*CHAOS_PATCHES, *MUTATIONS[name].patches))
    for patch in MUTATIONS[name].patches:
        if patch.file.endswith(".py"):
            compile((tree / patch.file).read_text(), patch.file, "exec")


@pytest.mark.parametrize("name", [name for name, each in MUTATIONS.items() if each.patches[0].file.startswith("lua/")])
async def test_a_mutated_script_can_be_loaded(name: str, tmp_path: Path, redis_url: str) -> None:
    tree = make_tree(tmp_path / "tree", MUTATIONS[name].patches)
    async with aioredis.Redis.from_url(redis_url) as client:
        for script in ("commit", "confirm"):
            await client.script_load(load(script, tree / "lua").source)
