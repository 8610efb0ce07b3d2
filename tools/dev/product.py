"""The processes of the product: their commands and the environment each may see. Starts none of them."""

import os
import sys
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from tools.dev.paths import Home
from tools.dev.ports import HOST, Ports
from tools.dev.processes import Program
from tools.dev.state import Secrets, State

APP_ROLE = "vauchflow_app"
RECONCILER_ROLE = "vauchflow_reconciler"


def url_as(url: str, user: str, password: str) -> str:
    """Address the same database as another role."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"))


def operator_environment(home: Home, state: State, secrets: Secrets) -> dict[str, str]:
    """What the operator's command line needs to know of a running stack, as far as it has not been told."""
    told = {
        "VAUCHFLOW_OWNER_DATABASE_URL": state.database_url,
        "VAUCHFLOW_APP_DATABASE_URL": state.app_database_url,
        "VAUCHFLOW_RECONCILER_DATABASE_URL": url_as(state.database_url, RECONCILER_ROLE, secrets.reconciler_password),
        "VAUCHFLOW_APP_PASSWORD": secrets.app_password,
        "VAUCHFLOW_RECONCILER_PASSWORD": secrets.reconciler_password,
        "VAUCHFLOW_MAIL_URL": home.outbox.as_uri(),
        "VAUCHFLOW_PUBLIC_URL": state.api_url,
        "VAUCHFLOW_URL": state.api_url,
        "VAUCHFLOW_API_KEY": state.secret_key,
        "VAUCHFLOW_REDIS_URL": state.redis_url,
        "VAUCHFLOW_SECRET": secrets.vauchflow_secret,
    }
    of_the_caller = {name: os.environ[name] for name in ("VAUCHFLOW_URL", "VAUCHFLOW_API_KEY") if name in os.environ}
    return told | of_the_caller


@dataclass(frozen=True, slots=True)
class Product:
    """What the processes are told: each gets the secrets it needs and no others."""

    home: Home
    ports: Ports
    secrets: Secrets
    owner_url: str
    redis_url: str
    trust_aof: bool

    @property
    def app_url(self) -> str:
        """The database as engine and control plane see it."""
        return url_as(self.owner_url, APP_ROLE, self.secrets.app_password)

    @property
    def reconciler_url(self) -> str:
        """The database as the reconciler sees it."""
        return url_as(self.owner_url, RECONCILER_ROLE, self.secrets.reconciler_password)

    def migrate(self) -> Program:
        """Roles and tables; safe to run at every start."""
        return self._python(
            "migrate",
            ("store.migrate",),
            {
                "VAUCHFLOW_OWNER_DATABASE_URL": self.owner_url,
                "VAUCHFLOW_APP_PASSWORD": self.secrets.app_password,
                "VAUCHFLOW_RECONCILER_PASSWORD": self.secrets.reconciler_password,
            },
        )

    def create_account(self) -> Program:
        """The demo account; prints its keys as one JSON object."""
        arguments = ("--name", "Demo", "--plan", "unlimited", "--project", "Demo", "--currency", "EUR")
        return self._python(
            "account",
            ("control_plane.cli", "account", "create", *arguments),
            {
                "VAUCHFLOW_OWNER_DATABASE_URL": self.owner_url,
                "VAUCHFLOW_SECRET": self.secrets.vauchflow_secret,
            },
        )

    def engine(self, index: int) -> Program:
        """One engine; the first is `engine`, the next `engine-2`."""
        name = "engine" if index == 0 else f"engine-{index + 1}"
        return self._python(name, ("engine",), self._plane(self.ports.engine(index)))

    def control_plane(self) -> Program:
        """The control plane."""
        env = self._plane(self.ports.control_plane)
        # Mail is a file in a folder, and whoever works on this machine is one client who tries a lot.
        env["VAUCHFLOW_MAIL_URL"] = self.home.outbox.as_uri()
        env["VAUCHFLOW_PUBLIC_URL"] = f"http://{HOST}:{self.ports.gateway}"
        env["VAUCHFLOW_CLIENT_ATTEMPTS"] = "100000"
        return self._python("control_plane", ("control_plane",), env)

    def reconciler(self) -> Program:
        """The reconciler."""
        return self._python(
            "reconciler",
            ("engine.reconciler",),
            {
                "VAUCHFLOW_RECONCILER_DATABASE_URL": self.reconciler_url,
                "VAUCHFLOW_REDIS_URL": self.redis_url,
                "VAUCHFLOW_TRUST_AOF": "1" if self.trust_aof else "0",
                "VAUCHFLOW_HOST": HOST,
                "VAUCHFLOW_PORT": str(self.ports.reconciler),
            },
        )

    def _plane(self, port: int) -> dict[str, str]:
        return {
            "VAUCHFLOW_APP_DATABASE_URL": self.app_url,
            "VAUCHFLOW_REDIS_URL": self.redis_url,
            "VAUCHFLOW_SECRET": self.secrets.vauchflow_secret,
            "VAUCHFLOW_HOST": HOST,
            "VAUCHFLOW_PORT": str(port),
        }

    def _python(self, name: str, module: tuple[str, ...], env: dict[str, str]) -> Program:
        return Program(name=name, argv=(sys.executable, "-m", *module), log=self.home.log_of(name), env=env)
