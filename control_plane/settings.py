"""What the control plane reads from the environment, once, at start."""

from urllib.parse import urlsplit

import msgspec

from control_plane.mail import is_mail_url
from store import environment


class Settings(msgspec.Struct, frozen=True):
    """Settings of one control plane process."""

    database_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8702
    receipts_key: bytes | None = None
    mail_url: str = ""
    mail_from: str = "Vauchflow <vauchflow@localhost>"
    public_url: str = "http://127.0.0.1:8700"
    client_attempts: int = 100
    shards: int = 8

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=environment.required("VAUCHFLOW_APP_DATABASE_URL"),
            redis_url=environment.required("VAUCHFLOW_REDIS_URL"),
            secret=environment.secret(),
            host=environment.text("VAUCHFLOW_HOST", "127.0.0.1"),
            port=environment.number("VAUCHFLOW_PORT", 8702, 65_535),
            receipts_key=environment.receipts_key(),
            mail_url=_mail_url(),
            mail_from=environment.text("VAUCHFLOW_MAIL_FROM", "") or "Vauchflow <vauchflow@localhost>",
            public_url=_public_url(),
            client_attempts=environment.number("VAUCHFLOW_CLIENT_ATTEMPTS", 100, 1_000_000),
            shards=environment.number("VAUCHFLOW_SHARDS", 8, environment.MOST_SHARDS),
        )


def _mail_url() -> str:
    url = environment.text("VAUCHFLOW_MAIL_URL", "")
    if not is_mail_url(url):
        raise environment.SettingsError("VAUCHFLOW_MAIL_URL must be smtp://, smtps:// or file:/// with a whole path")
    return url


def _public_url() -> str:
    """Where people's browsers find the installation: what links in mails begin with."""
    url = environment.text("VAUCHFLOW_PUBLIC_URL", "") or "http://127.0.0.1:8700"
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise environment.SettingsError("VAUCHFLOW_PUBLIC_URL must be an address that begins with http:// or https://")
    return url
