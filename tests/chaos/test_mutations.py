"""Every mutation still fits the tree: a guard that has moved must be found again, or nobody would notice its loss."""

import subprocess
import sys
from pathlib import Path

import pytest
import redis.asyncio as aioredis

from store.lua import load
from tests.chaos.mutations import MUTATIONS
from tests.chaos.tree import CHAOS_PATCHES, make_tree
from tools.dev.paths import ROOT

GUARDS = {"fence", "window", "ring", "lease", "overlay", "ceiling", "position", "noscript_identity"}
GUARDS_OF_ORDERS = {"merged", "once_per_order", "live_holds", "revision"}
GUARDS_OF_CARDS = {"balance", "refunds", "once_per_key", "once_per_line"}


def test_every_guard_of_the_design_has_a_mutation() -> None:
    assert set(MUTATIONS) == GUARDS | GUARDS_OF_ORDERS | GUARDS_OF_CARDS | {"idempotency_first", "gross", "versions"}


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


@pytest.mark.slow
@pytest.mark.stack
def test_a_run_without_a_guard_ends_in_a_violation() -> None:
    """The one that the load itself shows; the others stand in docs/operating/chaos.md."""
    command = [sys.executable, "-m", "tests.chaos", "--mutate", "overlay"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "overlay: caught in seed" in run.stdout
