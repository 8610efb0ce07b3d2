"""What the engine's processes read from the environment, once, at start."""

import os

import msgspec

from store.credentials import signing_secret


class SettingsError(Exception):
    """A variable is missing or does not hold; the message names it."""


class Settings(msgspec.Struct, frozen=True):
    """Settings of one engine process."""

    database_url: str
    redis_url: str
    secret: bytes
    host: str = "127.0.0.1"
    port: int = 8701
    shards: int = 8
    max_in_flight: int = 2048

    @classmethod
    def from_environment(cls) -> "Settings":
        try:
            secret = signing_secret(_required("VAUCHFLOW_SECRET"))
        except ValueError as error:
            raise SettingsError(str(error)) from error
        return cls(
            database_url=_required("VAUCHFLOW_APP_DATABASE_URL"),
            redis_url=_required("VAUCHFLOW_REDIS_URL"),
            secret=secret,
            host=os.environ.get("VAUCHFLOW_HOST", "127.0.0.1"),
            port=_number("VAUCHFLOW_PORT", 8701, 65_535),
            shards=_number("VAUCHFLOW_SHARDS", 8, 1024),
            max_in_flight=_number("VAUCHFLOW_MAX_IN_FLIGHT", 2048, 100_000),
        )


def _required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _number(name: str, default: int, greatest: int) -> int:
    text = os.environ.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= greatest:
        raise SettingsError(f"{name} must be a whole number from 1 to {greatest}")
    return int(text)
