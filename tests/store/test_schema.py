"""store/schema.sql is what the migrations amount to."""

import pytest

from store.migrate import read_migrations
from store.schema import SCHEMA_FILE, SCHEMA_SERVER, dump, normalise
from tests.servers.postgres import DatabaseUrls, PostgresServer


def test_the_committed_schema_is_what_the_migrations_give(
    postgres_server: PostgresServer, database: DatabaseUrls
) -> None:
    binaries = postgres_server.cluster.binaries
    if binaries.major != SCHEMA_SERVER:
        pytest.skip(f"the schema is written by PostgreSQL {SCHEMA_SERVER}, here is {binaries.major}")
    written = dump(database.owner, str(binaries.folder / "pg_dump"))
    assert written == SCHEMA_FILE.read_text(), "run `python -m store.schema` and commit what it writes"


def test_what_varies_between_two_dumps_is_left_out() -> None:
    raw = "\\restrict x\n--\n-- Dumped\n--\n\nSET jit = off;\n\n\n\nCREATE TABLE t ();\n\n\\unrestrict x\n"
    assert normalise(raw).endswith("run it.\n\nCREATE TABLE t ();\n")


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [migration.version for migration in read_migrations()] == list(range(1, len(read_migrations()) + 1))
