"""The benchmark's own SQL, by name: the blocks of bench/sql/*.sql."""

from pathlib import Path

from store.queries import load

_QUERIES = load((Path(__file__).parent / "sql").glob("*.sql"))


def query(name: str) -> str:
    """The SQL of this name; KeyError names what is missing."""
    return _QUERIES[name]
