"""The environment: what is missing, what does not hold, and secrets that are none. Never says a secret."""

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import msgspec

from control_plane.cli.doctor.findings import Finding, error, notice, warning
from control_plane.mail import is_mail_url
from store import environment
from store.environment import SettingsError

OWNER, REDIS = "VAUCHFLOW_OWNER_DATABASE_URL", "VAUCHFLOW_REDIS_URL"
APP, RECONCILER = "VAUCHFLOW_APP_DATABASE_URL", "VAUCHFLOW_RECONCILER_DATABASE_URL"
_MEND_ENV = "Set it where the processes get their environment (.env with docker compose), and start them again."
_KNOWN_WORDS = re.compile(r"change.?me|example|default|secret|password|vauchflow|test|sample", re.IGNORECASE)
_LEAST_LETTERS = 10
_SHORTEST_PASSWORD = 12
_COMMON_PASSWORDS = {"", "postgres", "password", "vauchflow", "changeme", "secret", "admin", "redis", "valkey", "root"}


class Variables(msgspec.Struct, frozen=True):
    """What the doctor goes by; '' where it is not set."""

    owner_url: str
    app_url: str
    reconciler_url: str
    redis_url: str
    mail_url: str
    public_url: str
    shards: int
    trusts_aof: bool = True

    @classmethod
    def from_environment(cls) -> "Variables":
        """Also where some of it does not hold: examine() says so."""
        try:
            shards = environment.number("VAUCHFLOW_SHARDS", 8, environment.MOST_SHARDS)
        except SettingsError:
            shards = 8
        read = environment.text
        mail = read("VAUCHFLOW_MAIL_URL", "")
        return cls(
            owner_url=read(OWNER, ""),
            app_url=read(APP, ""),
            reconciler_url=read(RECONCILER, ""),
            redis_url=read(REDIS, ""),
            mail_url=mail if is_mail_url(mail) else "",
            public_url=read("VAUCHFLOW_PUBLIC_URL", ""),
            shards=shards,
            trusts_aof=read("VAUCHFLOW_TRUST_AOF", "1") == "1",
        )


def examine(variables: Variables) -> list[Finding]:
    """What the environment alone tells."""
    found = [*_missing(), *_refused(), *_secret()]
    passwords: dict[str, list[str]] = {}
    for name, url in (
        (OWNER, variables.owner_url),
        (APP, variables.app_url),
        (RECONCILER, variables.reconciler_url),
        (REDIS, variables.redis_url),
    ):
        if not url:
            continue
        password = unquote(urlsplit(url).password or "")
        found += _password(name, url, password)
        if password:
            passwords.setdefault(password, []).append(name)
    for names in passwords.values():
        if len(names) > 1:
            found.append(
                warning(
                    "password_shared",
                    f"{' and '.join(names)} have the same password.",
                    "Whoever learns one of them has the others: the roles no longer keep each other out.",
                    "Draw one for each (openssl rand -hex 24), then `vauchflow migrate` gives them to the roles.",
                )
            )
    return found


def _missing() -> list[Finding]:
    found = [
        error("setting_missing", f"{name} is not set.", "Nothing runs without it, and the doctor sees less.", _MEND_ENV)
        for name in (OWNER, REDIS, "VAUCHFLOW_SECRET")
        if not environment.text(name, "")
    ]
    for name, whose in ((APP, "engines and control planes"), (RECONCILER, "reconcilers")):
        if not environment.text(name, ""):
            found.append(
                notice(
                    "login_not_checked",
                    f"{name} is not set here.",
                    f"Whether {whose} get into PostgreSQL could not be tried.",
                    f"Give the doctor the same {name} as they have.",
                )
            )
    return found


def _refused() -> list[Finding]:
    checks: tuple[Callable[[], object], ...] = (
        lambda: environment.number("VAUCHFLOW_SHARDS", 8, environment.MOST_SHARDS),
        environment.receipts_key,
        lambda: environment.secret() if environment.text("VAUCHFLOW_SECRET", "") else None,
        _mail_url,
    )
    found = []
    for check in checks:
        try:
            check()
        except SettingsError as refusal:
            found.append(error("setting_invalid", f"{refusal}.", "Processes refuse to start with it.", _MEND_ENV))
    return found


def _mail_url() -> None:
    if not is_mail_url(environment.text("VAUCHFLOW_MAIL_URL", "")):
        raise SettingsError("VAUCHFLOW_MAIL_URL must be smtp://, smtps:// or file:/// with a whole path")


def _secret() -> list[Finding]:
    value = environment.text("VAUCHFLOW_SECRET", "")
    if not value or (len(set(value)) >= _LEAST_LETTERS and not _KNOWN_WORDS.search(value)):
        return []
    return [
        error(
            "secret_guessable",
            "VAUCHFLOW_SECRET looks like a word or a pattern, not like something drawn.",
            "API keys are hashed, links to exports signed and the secrets of authenticator apps sealed with it: who "
            "guesses it makes links of his own, and reads the secrets in any copy of the database.",
            "Draw it (openssl rand -hex 32). Changing it invalidates every API key: do it before there are any, "
            "else make new keys.",
        )
    ]


def _password(name: str, url: str, password: str) -> list[Finding]:
    parts = urlsplit(url)
    known = {unquote(parts.username or "").lower(), parts.path.lstrip("/").lower()} | _COMMON_PASSWORDS
    if not parts.hostname or (password.lower() not in known and len(password) >= _SHORTEST_PASSWORD):
        return []
    what = "has no password" if not password else "has a password that can be guessed"
    return [
        error(
            "password_guessable",
            f"{name} {what}.",
            "Whoever reaches the port reads and changes everything that is behind it.",
            "Draw one (openssl rand -hex 24). PostgreSQL's are given to the roles by `vauchflow migrate`, the owner's "
            "by ALTER ROLE, Redis's by requirepass.",
        )
    ]
