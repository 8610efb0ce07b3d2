"""The two files of a stack's folder: secrets.json (kept) and dev.json (what runs now). Both are 0600."""

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    Path(temporary).replace(path)


def _password() -> str:
    return secrets.token_hex(24)


@dataclass(slots=True)
class Secrets:
    """What must be the same after a restart. Drawn once, by the machine, for this folder."""

    postgres_superuser_password: str = field(default_factory=_password)
    owner_password: str = field(default_factory=_password)
    app_password: str = field(default_factory=_password)
    reconciler_password: str = field(default_factory=_password)
    redis_password: str = field(default_factory=_password)
    vauchflow_secret: str = field(default_factory=_password)
    # By the database that holds the account: another DATABASE_URL has another demo.
    demo_accounts: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Secrets":
        """Read the file, or draw new secrets and keep them."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        drawn = cls()
        drawn.save(path)
        return drawn

    def save(self, path: Path) -> None:
        """Keep them."""
        write_private(path, asdict(self))


@dataclass(slots=True)
class State:
    """dev.json: the addresses, keys and process ids of the running stack."""

    api_url: str
    engine_url: str
    control_url: str
    secret_key: str
    publishable_key: str
    admin_key: str
    account_id: str
    project_id: str
    database_url: str
    app_database_url: str
    redis_url: str
    pids: dict[str, int] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Publish it."""
        write_private(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> "State":
        """Read what runs."""
        return cls(**json.loads(path.read_text()))
