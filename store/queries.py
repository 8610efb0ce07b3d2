"""The SQL of the house, by name: every block of store/sql/*.sql, read once at import.

A block starts with `-- name: verb_object` and ends at the next one; comments below the name are sent with it. What
several blocks of a file share is written once as `-- fragment: name`, and stands where a line says `-- use: name`.
Must never build SQL: what is not written in a file is not sent. Bind a query where the module is loaded
(`_INSERT = query("insert_redemptions")`), so that a missing name fails at start and not at the first request.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

SQL_FOLDER = Path(__file__).parent / "sql"

_HEAD = re.compile(r"^-- (name|fragment):[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_USE = re.compile(r"^[ \t]*-- use:[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class QueryFileError(Exception):
    """A file of queries that cannot be read; says which file and which name."""


def parse_blocks(text: str, source: str) -> dict[str, str]:
    """The named blocks of one file's text. What stands before the first name is a comment on the file."""
    pieces = _HEAD.split(text)
    preamble = [line for line in pieces[0].splitlines() if line.strip() and not line.startswith("--")]
    if preamble:
        raise QueryFileError(f"{source}: SQL before the first name")
    read: dict[str, dict[str, str]] = {"name": {}, "fragment": {}}
    for kind, name, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        if not _NAME.fullmatch(name):
            raise QueryFileError(f"{source}: {name!r} is no name of a query")
        if name in read["name"] or name in read["fragment"]:
            raise QueryFileError(f"{source}: {name} is there twice")
        sql = body.strip()
        if all((line.startswith("--") and not _USE.match(line)) or not line.strip() for line in sql.splitlines()):
            raise QueryFileError(f"{source}: {name} is empty")
        read[kind][name] = sql

    def used(match: re.Match[str]) -> str:
        fragment = read["fragment"].get(match[1])
        if fragment is None:
            raise QueryFileError(f"{source}: there is no fragment {match[1]!r}")
        return fragment

    return {name: _USE.sub(used, sql) for name, sql in read["name"].items()}


def load(files: Iterable[Path]) -> Mapping[str, str]:
    """The blocks of all files together; a name that two files use fails."""
    sources: dict[str, str] = {}
    queries: dict[str, str] = {}
    for path in sorted(files):
        for name, sql in parse_blocks(path.read_text(encoding="utf-8"), path.name).items():
            if name in queries:
                raise QueryFileError(f"{path.name}: {name} is in {sources[name]} already")
            sources[name] = path.name
            queries[name] = sql
    return MappingProxyType(queries)


QUERIES: Mapping[str, str] = load(SQL_FOLDER.glob("*.sql"))


def query(name: str) -> str:
    """The SQL of this name; KeyError names what is missing."""
    return QUERIES[name]
