"""Runs the whole of Vauchflow in one folder: servers, migrations, the demo account, processes, gateway.

Owns the order of things. What each part is and how it starts is said in the module of its name.
"""

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from tools.dev.binaries import find_caddy, find_postgres, find_valkey
from tools.dev.caddy import Gateway
from tools.dev.console import LauncherError, say
from tools.dev.paths import Home
from tools.dev.ports import HOST, Ports, require_free
from tools.dev.postgres import DATABASE, OWNER, Cluster
from tools.dev.probe import http_ready
from tools.dev.processes import Process, run_to_end
from tools.dev.product import Product
from tools.dev.signals import Signals
from tools.dev.state import Secrets, State
from tools.dev.supervisor import ReadyCheck, Supervisor
from tools.dev.valkey import AppendFsync, Valkey

_EMBEDDED = "embedded"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a person may choose."""

    home: Home
    ports: Ports
    engines: int = 1
    appendfsync: AppendFsync = "always"
    # A server of the person's own takes the place of the embedded one.
    database_url: str | None = None
    redis_url: str | None = None


class Stack:
    """One running Vauchflow."""

    def __init__(self, settings: Settings, signals: Signals) -> None:
        self._settings = settings
        self._home = settings.home
        self._ports = settings.ports
        self._supervisor = Supervisor(signals, on_change=self._publish)
        self._state: State | None = None

    def run(self) -> None:
        """Start everything, say so, keep it alive, and leave nothing behind."""
        require_free(self._ports.all(self._settings.engines))
        for log in self._home.logs.glob("*.log"):
            log.unlink()
        secrets = self._load_secrets()
        try:
            product = self._start_servers(secrets)
            run_to_end(product.migrate())
            account = self._demo_account(product)
            self._start_product(product)
            self._state = self._describe(product, account)
            self._publish()
            self._greet(self._state)
            self._supervisor.watch()
            say("Stopping ...")
        finally:
            self._supervisor.stop()

    def _load_secrets(self) -> Secrets:
        """Refuse to draw new passwords for a database that was made with others."""
        kept = self._home.secrets_file
        if not kept.exists() and any(self._home.path.glob("pg[0-9]*[0-9]")):
            raise LauncherError(f"{kept} is gone and with it the database's passwords; remove {kept.parent}")
        return Secrets.load(kept)

    def _start_servers(self, secrets: Secrets) -> Product:
        """Start both servers at once, then wait for both."""
        settings, supervisor = self._settings, self._supervisor
        starting: list[tuple[Process, ReadyCheck]] = []
        owner_url, redis_url = settings.database_url, settings.redis_url
        if owner_url is None:
            cluster = self._cluster(secrets)
            owner_url = cluster.url(OWNER, secrets.owner_password, DATABASE)
            starting.append((supervisor.start(cluster.program()), cluster.is_ready))
        if redis_url is None:
            valkey = self._valkey(secrets)
            redis_url = valkey.url
            starting.append((supervisor.start(valkey.program()), valkey.is_ready))
        for child, is_ready in starting:
            supervisor.wait_until_ready(child, is_ready)
        trust_aof = settings.redis_url is None and settings.appendfsync == "always"
        return Product(self._home, self._ports, secrets, owner_url, redis_url, trust_aof)

    def _cluster(self, secrets: Secrets) -> Cluster:
        cluster = Cluster(
            binaries=find_postgres(),
            home=self._home.path,
            port=self._ports.postgres,
            superuser_password=secrets.postgres_superuser_password,
            log=self._home.log_of("postgres"),
        )
        if not cluster.data.exists():
            say("Making the database (once) ...")
        if cluster.create(secrets.owner_password):
            secrets.demo_accounts.pop(_EMBEDDED, None)
        return cluster

    def _valkey(self, secrets: Secrets) -> Valkey:
        return Valkey(
            binary=find_valkey(),
            data=self._home.path / "valkey",
            port=self._ports.valkey,
            password=secrets.redis_password,
            log=self._home.log_of("valkey"),
            appendfsync=self._settings.appendfsync,
        )

    def _start_product(self, product: Product) -> None:
        """Start in the order in which one needs the other; stopping goes the other way round."""
        supervisor, ports, engines = self._supervisor, self._ports, self._settings.engines
        starting = [
            (supervisor.start(product.reconciler()), ports.reconciler),
            (supervisor.start(product.control_plane()), ports.control_plane),
            *((supervisor.start(product.engine(index)), ports.engine(index)) for index in range(engines)),
        ]
        for child, port in starting:
            supervisor.wait_until_ready(child, http_ready(port))
        gateway = Gateway(find_caddy(), self._home.path / "caddy", ports, engines, self._home.log_of("caddy"))
        supervisor.wait_until_ready(supervisor.start(gateway.program()), http_ready(ports.gateway))

    def _demo_account(self, product: Product) -> dict[str, str]:
        """Return the demo account's ids and keys, creating it where this database has none of ours."""
        known = product.secrets.demo_accounts
        place = self._database_fingerprint(product.owner_url)
        if place not in known:
            known[place] = json.loads(run_to_end(product.create_account()))
            product.secrets.save(self._home.secrets_file)
        return known[place]

    def _database_fingerprint(self, owner_url: str) -> str:
        """Know a database again; the embedded one is the folder's own, whatever port it is on today."""
        if self._settings.database_url is None:
            return _EMBEDDED
        parts = urlsplit(owner_url)
        return hashlib.sha256(f"{parts.hostname}:{parts.port}{parts.path}".encode()).hexdigest()[:16]

    def _describe(self, product: Product, account: dict[str, str]) -> State:
        ports = self._ports
        return State(
            api_url=f"http://{HOST}:{ports.gateway}",
            engine_url=f"http://{HOST}:{ports.engine(0)}",
            control_url=f"http://{HOST}:{ports.control_plane}",
            secret_key=account["secret_key"],
            publishable_key=account["publishable_key"],
            admin_key=account["admin_key"],
            account_id=account["account_id"],
            project_id=account["project_id"],
            database_url=product.owner_url,
            app_database_url=product.app_url,
            redis_url=product.redis_url,
        )

    def _publish(self) -> None:
        """Keep dev.json's process ids current."""
        if self._state is not None:
            self._state.pids = self._supervisor.pids
            self._state.save(self._home.state_file)

    def _greet(self, state: State) -> None:
        say()
        say("Vauchflow is ready.")
        say()
        say(f"  base URL    {state.api_url}")
        say(f"  secret key  {state.secret_key}")
        say(f"  the rest    {self._home.state_file}, logs beside it")
        say()
        say(f"  curl {state.api_url}/v1/vouchers -H 'Authorization: Bearer {state.secret_key}' \\")
        say("""    -d '{"code":"SAVE20","discount_type":"PERCENT","discount_value":20}'""")
        say()
        say("Ctrl-C stops it; the data stay.")
