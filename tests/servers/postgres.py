"""A PostgreSQL of the tests' own: a template migrated once, and fresh databases cloned from it."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from tests.servers.server import Server
from tools.dev.binaries import find_postgres
from tools.dev.paths import ROOT
from tools.dev.ports import find_free_base
from tools.dev.postgres import DATABASE, OWNER, Cluster
from tools.dev.product import APP_ROLE, RECONCILER_ROLE

# Servers that live for seconds and listen on the loopback interface only.
_SUPERUSER_PASSWORD = "superuser-of-a-test"
_OWNER_PASSWORD = "owner-of-a-test"
_APP_PASSWORD = "app-of-a-test"
_RECONCILER_PASSWORD = "reconciler-of-a-test"


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database as each of its roles sees it."""

    name: str
    owner: str
    app: str
    reconciler: str


class PostgresServer(Server):
    """A cluster whose database `vauchflow` is the migrated template."""

    def __init__(self, home: Path, *, throw_away: bool = True) -> None:
        self.cluster = Cluster(
            binaries=find_postgres(),
            home=home,
            port=find_free_base(),
            superuser_password=_SUPERUSER_PASSWORD,
            log=home / "postgres.log",
            throw_away=throw_away,
        )
        self.cluster.create(_OWNER_PASSWORD)
        self._migrated = False
        self._cloned = 0
        super().__init__(self.cluster.program(), self.cluster.is_ready)

    def urls(self, name: str) -> DatabaseUrls:
        """Address a database of this server."""
        return DatabaseUrls(
            name=name,
            owner=self.cluster.url(OWNER, _OWNER_PASSWORD, name),
            app=self.cluster.url(APP_ROLE, _APP_PASSWORD, name),
            reconciler=self.cluster.url(RECONCILER_ROLE, _RECONCILER_PASSWORD, name),
        )

    def superuser_url(self, name: str = "postgres") -> str:
        """Address a database as superuser, for what no role of ours may do."""
        return self.cluster.superuser_url(name)

    def create_database(self) -> DatabaseUrls:
        """Clone the template."""
        self._migrate_template()
        self._cloned += 1
        name = f"test_{self._cloned}"
        self._execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {DATABASE}")
        return self.urls(name)

    def copy_database(self, name: str) -> DatabaseUrls:
        """A database restored from a backup that is taken now, as an operator does it: pg_dump, pg_restore."""
        copy = f"{name}_restored"
        self._execute(f"CREATE DATABASE {copy} OWNER {OWNER}")
        tools = self.cluster.binaries.folder
        dump = subprocess.run(
            [tools / "pg_dump", "-Fc", self.superuser_url(name)], capture_output=True, check=True, timeout=60
        )
        subprocess.run(
            [tools / "pg_restore", "--exit-on-error", f"--dbname={self.superuser_url(copy)}"],
            input=dump.stdout, check=True, timeout=60,
        )  # fmt: skip
        return self.urls(copy)

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def migrate(self, urls: DatabaseUrls) -> None:
        """Run the real migration command."""
        env = {
            "VAUCHFLOW_OWNER_DATABASE_URL": urls.owner,
            "VAUCHFLOW_APP_PASSWORD": _APP_PASSWORD,
            "VAUCHFLOW_RECONCILER_PASSWORD": _RECONCILER_PASSWORD,
        }
        command = [sys.executable, "-m", "store.migrate"]
        result = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr

    def _migrate_template(self) -> None:
        if not self._migrated:
            self.migrate(self.urls(DATABASE))
            self._migrated = True

    def _execute(self, statement: str) -> None:
        """Run one statement as superuser, in a thread: the caller may be inside a test's event loop."""
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, _execute(self.superuser_url(), statement)).result()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
