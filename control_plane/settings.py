"""What the control plane reads from the environment, once, at start."""

import os

import msgspec

from store.credentials import signing_secret


class SettingsError(Exception):
    """A variable is missing or does not hold; the message names it."""


class Settings(msgspec.Struct, frozen=True):
    """Settings of one control plane process."""

    database_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8702

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=required("VAUCHFLOW_APP_DATABASE_URL"),
            redis_url=required("VAUCHFLOW_REDIS_URL"),
            secret=secret_from_environment(),
            host=os.environ.get("VAUCHFLOW_HOST", "127.0.0.1"),
            port=number("VAUCHFLOW_PORT", 8702, 65_535),
        )


def required(name: str) -> str:
    """A variable that has no default."""
    value = os.environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def number(name: str, default: int, greatest: int) -> int:
    """A whole number from 1 on."""
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= greatest:
        raise SettingsError(f"{name} must be a whole number from 1 to {greatest}")
    return int(text)


def secret_from_environment() -> bytes:
    """The key that API keys are hashed with."""
    try:
        return signing_secret(required("VAUCHFLOW_SECRET"))
    except ValueError as error:
        raise SettingsError(str(error)) from error
