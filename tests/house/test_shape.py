"""Files and functions stay small enough to be read at one go, and say what they are."""

import ast

from tests.house.source import modules, product_modules, tracked_files
from tools.dev.paths import ROOT

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
# Written by a program: nobody reads it from top to bottom.
GENERATED = ("store/schema.sql", "control_plane/reference/static/redoc.standalone.js")
SOURCE = (".py", ".lua", ".sql", ".sh", ".js", ".css", ".html", ".yml")


def test_no_file_is_too_long() -> None:
    sources = filter(is_source, tracked_files())
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in sources}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{module.at(node)} {node.name}": length
        for module in modules()
        for node in module.walk()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }
    assert long == {}


def test_every_module_says_what_it_owns() -> None:
    assert [module.path for module in modules() if not ast.get_docstring(module.tree)] == []


def test_every_package_is_one() -> None:
    folders = {module.path.rpartition("/")[0] for module in modules() if "/" in module.path}
    assert [folder for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def test_nothing_names_the_folder_of_one_machine() -> None:
    texts = {path: (ROOT / path).read_text(errors="ignore") for path in tracked_files()}
    home = str(ROOT.parent)
    assert [path for path, text in texts.items() if len(home) > 4 and f"{home}/" in text] == []


def test_there_is_something_to_test() -> None:
    assert len(product_modules()) > 20


def is_source(path: str) -> bool:
    return path not in GENERATED and (path.endswith(SOURCE) or path == "dev")
