"""SQL lives in files, and connections are opened in one room."""

import ast
import re

from tests.house.source import Module, product_modules

_SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|WITH\s+\w+\s+AS\s*\(|CREATE\s+(TABLE|ROLE)\s)"
)
_OPENERS = {"connect", "create_pool", "Connection", "Pool"}


def test_no_sql_hides_in_python() -> None:
    rooms = product_modules("store", "engine", "control_plane")
    hidden = [place for module in rooms for place in sql_in(module)]
    assert hidden == []


def test_connections_are_opened_by_the_store_alone() -> None:
    opened = [
        place for module in product_modules("domain", "engine", "control_plane") for place in connections_in(module)
    ]
    assert opened == []


def sql_in(module: Module) -> list[str]:
    """Find strings that begin like a statement; a docstring may begin with any word."""
    docstrings = {id(node.value) for node in module.walk() if isinstance(node, ast.Expr)}
    return [
        module.at(node)
        for node in module.walk()
        if isinstance(node, ast.Constant)
        and id(node) not in docstrings
        and isinstance(node.value, str)
        and _SQL.match(node.value)
    ]


def connections_in(module: Module) -> list[str]:
    """Find asyncpg's ways to a connection, however they are imported."""
    return [module.at(node) for node in module.walk() if imports_opener(node) or calls_opener(node)]


def imports_opener(node: ast.AST) -> bool:
    if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] != "asyncpg":
        return False
    return any(alias.name in ("connect", "create_pool") for alias in node.names)


def calls_opener(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    return node.func.attr in _OPENERS and isinstance(owner, ast.Name) and owner.id == "asyncpg"


def test_the_lints_see_what_they_forbid() -> None:
    source = (
        '"""SELECT nothing."""\n'
        "from asyncpg import connect\n"
        "async def f() -> asyncpg.Connection:\n"
        '    await asyncpg.create_pool("")\n'
        '    return "SELECT 1", "Select a date", f"INSERT INTO {1}"\n'
    )
    module = Module("x.py", source, ast.parse(source))
    assert sql_in(module) == ["x.py:5", "x.py:5"]
    assert connections_in(module) == ["x.py:2", "x.py:4"]
