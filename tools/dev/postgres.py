"""One PostgreSQL cluster in one folder: how it is made, given its owner, started, and known to be ready.

Knows no table and no application role; those belong to `python -m store.migrate`.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT

from tools.dev.binaries import PostgresBinaries
from tools.dev.console import LauncherError
from tools.dev.paths import ROOT
from tools.dev.ports import HOST
from tools.dev.privileges import unprivileged
from tools.dev.processes import Program

SUPERUSER = "postgres"
OWNER = "vauchflow_owner"
DATABASE = "vauchflow"

_OWNER_SQL = ROOT / "deploy" / "postgres" / "owner.sql"

# For clusters that are thrown away: a crash of the machine may cost them everything.
_THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that listens on one port of the loopback interface and on no socket file."""

    binaries: PostgresBinaries
    home: Path
    port: int
    superuser_password: str
    log: Path
    throw_away: bool = False

    @property
    def data(self) -> Path:
        """The data folder; each major version has its own, because none can read another's."""
        return self.home / f"pg{self.binaries.major}"

    def url(self, user: str, password: str, database: str) -> str:
        """Address one database as one role."""
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    def superuser_url(self, database: str = "postgres") -> str:
        """Address a database as superuser; for tests that make and drop databases."""
        return self.url(SUPERUSER, self.superuser_password, database)

    def create(self, owner_password: str) -> bool:
        """Make the data folder with its owner and database if it is not there; tell whether it was made."""
        if self.data.exists():
            return False
        # Renamed at the end, so that what a crash left half made is never taken for a cluster.
        unfinished = self.home / f"{self.data.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        unprivileged().hand_over(unfinished)
        self._initdb(unfinished)
        self._make_owner(unfinished, owner_password)
        unfinished.rename(self.data)
        return True

    def program(self) -> Program:
        """Say how to run the server; SIGINT is its fast shutdown, the one that waits for no client."""
        settings = [
            f"port={self.port}",
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            "max_connections=200",
            "max_wal_size=4GB",
            "timezone=UTC",
            "log_timezone=UTC",
            *(_THROW_AWAY if self.throw_away else ()),
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return Program(
            name="postgres",
            argv=(self.binaries.postgres, "-D", str(self.data), *options),
            log=self.log,
            stop_signal=SIGINT,
            prefix=unprivileged().prefix,
        )

    def is_ready(self, pid: int) -> bool:
        """Tell whether this very process takes connections: an old postmaster.pid may speak of another."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _initdb(self, data: Path) -> None:
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions"]
        if self.throw_away:
            options.append("--no-sync")
        command = [self.binaries.initdb, "-D", str(data), "-U", SUPERUSER, "--pwfile=/dev/stdin", *options]
        self._run(command, self.superuser_password)

    def _make_owner(self, data: Path, owner_password: str) -> None:
        """Run the SQL in single-user mode: it needs no client, no port and no password."""
        statements = _OWNER_SQL.read_text().replace(":'owner_password'", f"'{owner_password}'")
        options = ["-c", "fsync=off"] if self.throw_away else []
        command = [self.binaries.postgres, "--single", "-j", *options, "-D", str(data), "postgres"]
        output = self._run(command, statements)
        # Single-user mode carries on after an error and exits with 0.
        if "ERROR:" in output:
            raise LauncherError(f"preparing the database failed:\n{output}")

    def _run(self, command: list[str], stdin: str) -> str:
        # A session of its own: a Ctrl-C waits for the end of this step instead of breaking it in the middle.
        result = subprocess.run(
            [*unprivileged().prefix, *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        output = result.stdout + result.stderr
        if result.returncode != 0:
            raise LauncherError(f"{Path(command[0]).name} failed:\n{output}")
        return output
