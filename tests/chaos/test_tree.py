"""The copy of the tree: patches apply to what is there today, and to nothing else."""

from pathlib import Path

import pytest

from tests.chaos.tree import CHAOS_PATCHES, ROOMS, Patch, PatchDoesNotApply, make_tree
from tools.dev.paths import ROOT


def test_a_copy_has_the_rooms_and_the_patches(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", CHAOS_PATCHES)
    assert sorted(path.name for path in tree.iterdir()) == sorted(ROOMS)
    for patch in CHAOS_PATCHES:
        assert patch.new in (tree / patch.file).read_text()
        assert patch.new not in (ROOT / patch.file).read_text()
    untouched = "lua/commit.lua"
    assert (tree / untouched).read_text() == (ROOT / untouched).read_text()


@pytest.mark.parametrize("old", ["not there", "a"])
def test_a_patch_of_another_version_is_refused(old: str) -> None:
    with pytest.raises(PatchDoesNotApply):
        Patch("file", old, "b").applied_to("aa")


def test_a_patch_replaces_what_is_there_once() -> None:
    assert Patch("file", "limit", "wish").applied_to("the limit") == "the wish"
