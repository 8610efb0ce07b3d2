"""What may be imported where, as far as import-linter cannot say it: allow-lists."""

import ast
import sys

import pytest

from tests.house.source import ROOMS, Module, product_modules

ALLOWED = {"domain": {"msgspec"}, "tools/dev": {"tools"}}


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_of_the_stdlib_stays_one(room: str) -> None:
    foreign = {
        f"{module.path} imports {name}"
        for module in product_modules(room)
        for name in imported(module)
        if name not in sys.stdlib_module_names and name not in ALLOWED[room] | {room}
    }
    assert foreign == set()


def test_the_product_does_not_import_its_tests() -> None:
    assert [module.path for module in product_modules(*ROOMS) if "tests" in imported(module)] == []


def imported(module: Module) -> set[str]:
    """The top-level names a module imports, also inside functions."""
    names: set[str] = set()
    for node in module.walk():
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0] if node.level == 0 else module.path.split("/")[0])
    return names
