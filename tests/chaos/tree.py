"""A copy of the product that may be changed: smaller windows and shorter leases for all runs, a guard taken out for
some. Must never touch the tree that it copies.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.dev.paths import ROOT

ROOMS = ("domain", "store", "engine", "control_plane", "lua")
"""What the product's processes are made of."""


class PatchDoesNotApply(Exception):
    """The text to be replaced is not there exactly once: the patch speaks of another version of the file."""


@dataclass(frozen=True, slots=True)
class Patch:
    """One replacement in one file; `old` must be there exactly once."""

    file: str
    old: str
    new: str

    def applied_to(self, text: str) -> str:
        """The text with the replacement made."""
        found = text.count(self.old)
        if found != 1:
            raise PatchDoesNotApply(f"{self.file}: {found} times instead of once: {self.old.strip()[:80]!r}")
        return text.replace(self.old, self.new)


CHAOS_WINDOW = 40
"""Small enough that a ledger which stands still for two seconds meets it."""

# What takes half a minute in earnest has to be seen several times in a minute of simulation.
CHAOS_PATCHES = (
    Patch("domain/definitions.py", "\nCOUNT_WINDOW = 20_000\n", f"\nCOUNT_WINDOW = {CHAOS_WINDOW}\n"),
    Patch("engine/shard.py", "\nLEASE_S = 30.0\n", "\nLEASE_S = 6.0\n"),
    Patch("engine/shard.py", "\nRENEW_S = 10.0\n", "\nRENEW_S = 2.0\n"),
)


def make_tree(folder: Path, patches: Sequence[Patch], source: Path = ROOT) -> Path:
    """Copy the product into a new folder and patch the copy; the folder."""
    folder.mkdir(parents=True)
    for room in ROOMS:
        shutil.copytree(source / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in patches:
        path = folder / patch.file
        path.write_text(patch.applied_to(path.read_text()))
    return folder
