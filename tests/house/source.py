"""Reads our own source: every file that git knows or would add, parsed once."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.dev.paths import ROOT

PRODUCT = ("domain", "store", "engine", "control_plane")
ROOMS = (*PRODUCT, "bench", "tools")


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of ours."""

    path: str
    text: str
    tree: ast.Module

    def is_in(self, *rooms: str) -> bool:
        """Tell whether it stands in one of these folders."""
        return any(self.path == room or self.path.startswith(f"{room}/") for room in rooms)

    def walk(self) -> Iterator[ast.AST]:
        """Every node of it."""
        return ast.walk(self.tree)

    def at(self, node: ast.AST) -> str:
        """Say where a node is, for a message that an editor can follow."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@functools.cache
def tracked_files() -> tuple[str, ...]:
    """Every file of the repository; what git ignores is nobody's source."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(path for path in listing.stdout.splitlines() if (ROOT / path).is_file())


@functools.cache
def modules() -> tuple[Module, ...]:
    """Every Python file, `./dev` included."""
    return tuple(_parse(path) for path in tracked_files() if path.endswith(".py") or path == "dev")


def product_modules(*rooms: str) -> list[Module]:
    """The modules of some rooms, or of all that are no tests."""
    return [module for module in modules() if module.is_in(*(rooms or ROOMS))]


def _parse(path: str) -> Module:
    text = Path(ROOT / path).read_text()
    return Module(path, text, ast.parse(text, path))
