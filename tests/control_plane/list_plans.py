"""What lists ask of PostgreSQL, and the plans that it makes of it: recorded while the API is asked, explained as the
role that asked, with the settings of the control plane's own connections."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from store.database import Database

_SCANS = ("Seq Scan", "Sample Scan", "Tid Scan", "Bitmap Heap Scan", "Index Scan", "Index Only Scan")


@dataclass(frozen=True)
class Asked:
    """A statement with its arguments, as it was sent."""

    sql: str
    args: tuple[Any, ...]

    def __hash__(self) -> int:
        return hash((self.sql, repr(self.args)))


@dataclass(eq=False)
class Recorder:
    """Keeps what is read while it is on."""

    asked: list[Asked] = field(default_factory=list)
    is_on: bool = False

    def __call__(self, logged: Any) -> None:
        if self.is_on and "SELECT" in logged.query and " FROM " in logged.query and "set_config" not in logged.query:
            self.asked.append(Asked(logged.query, tuple(logged.args)))

    @contextmanager
    def on(self) -> Iterator[list[Asked]]:
        """What is read in this block."""
        self.asked, self.is_on = [], True
        try:
            yield self.asked
        finally:
            self.is_on = False


@dataclass(frozen=True)
class Plan:
    """What a plan did, as far as it matters here."""

    scanned_whole: tuple[str, ...]
    """Tables that were read from their beginning to their end."""
    visited: int
    """The most rows that one scan looked at, those that it then left out among them."""
    sorted: int
    """The most rows that one sort was given."""
    buffers: int
    """Pages that all of it touched."""


Scope = tuple[Literal["tenant"], str, str] | tuple[Literal["account"], str]


async def explain(database: Database, scope: Scope, asked: Asked) -> Plan:
    """Carry the statement out in a scope, and look at how."""
    tx_of = database.tenant_tx(*scope[1:]) if scope[0] == "tenant" else database.account_tx(scope[1])
    async with tx_of as tx:
        types = [kind.name for kind in (await tx.prepare(asked.sql)).get_parameters()]  # type: ignore[attr-defined]
        given = ", ".join(_spelled(value, kind) for value, kind in zip(asked.args, types, strict=True))
        names = ", ".join(kind.removesuffix("[]") + ("[]" if kind.endswith("[]") else "") for kind in types)
        await tx.execute(f"PREPARE listed({names}) AS {asked.sql.rstrip().rstrip(';')}")
        try:
            rows = await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE listed({given})")
        finally:
            await tx.execute("DEALLOCATE listed")
    root = json.loads(rows[0][0])[0]["Plan"]
    return _read(root)


def _read(root: dict[str, Any]) -> Plan:
    whole, visited, sorted_ = [], 0, 0
    for node in _nodes(root):
        kind, loops = node["Node Type"], node["Actual Loops"]
        if kind in _SCANS:
            left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            visited = max(visited, round((node["Actual Rows"] + left_out) * loops))
        if kind in ("Seq Scan", "Sample Scan") and loops:
            whole.append(node["Relation Name"])
        if kind in ("Sort", "Incremental Sort"):
            sorted_ = max(sorted_, *(round(below["Actual Rows"] * below["Actual Loops"]) for below in node["Plans"]))
    return Plan(tuple(whole), visited, sorted_, root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", []):
        yield from _nodes(below)


def _spelled(value: Any, kind: str) -> str:
    """A literal. Nothing here comes from outside of the tests."""
    if value is None:
        return f"NULL::{kind}"
    if isinstance(value, list | tuple):
        return f"ARRAY[{', '.join(_spelled(each, 'text') for each in value)}]::{kind}"
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return "'{}'::{}".format(text.replace("'", "''"), kind)
