"""What the reconciler reads from the environment, once, at start."""

import os

import msgspec

from engine.settings import SettingsError


class Settings(msgspec.Struct, frozen=True):
    """Settings of one reconciler."""

    database_url: str
    redis_url: str
    host: str = "127.0.0.1"
    port: int = 8705
    shards: int = 8
    trust_aof: bool = True

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls(
            database_url=_required("VAUCHFLOW_RECONCILER_DATABASE_URL"),
            redis_url=_required("VAUCHFLOW_REDIS_URL"),
            host=os.environ.get("VAUCHFLOW_HOST", "127.0.0.1"),
            port=_number("VAUCHFLOW_PORT", 8705, 65_535),
            shards=_number("VAUCHFLOW_SHARDS", 8, 1024),
            trust_aof=_flag("VAUCHFLOW_TRUST_AOF", "1"),
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


def _flag(name: str, default: str) -> bool:
    text = os.environ.get(name, default)
    if text not in ("0", "1"):
        raise SettingsError(f"{name} must be 0 or 1")
    return text == "1"
