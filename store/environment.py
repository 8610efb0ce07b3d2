"""Reads variables of the environment, for the settings of every process. Knows no process's settings itself."""

import os

from store.credentials import signing_secret

MOST_SHARDS = 1024


class SettingsError(Exception):
    """A variable is missing or does not hold; the message names it."""


def text(name: str, default: str) -> str:
    """A variable that may be left out."""
    return os.environ.get(name, default)


def required(name: str) -> str:
    """A variable that has no default."""
    value = os.environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def number(name: str, default: int, greatest: int) -> int:
    """A whole number from 1 on."""
    value = os.environ.get(name, str(default))
    if not value.isdecimal() or not 1 <= int(value) <= greatest:
        raise SettingsError(f"{name} must be a whole number from 1 to {greatest}")
    return int(value)


def flag(name: str, default: str) -> bool:
    """A switch."""
    value = os.environ.get(name, default)
    if value not in ("0", "1"):
        raise SettingsError(f"{name} must be 0 or 1")
    return value == "1"


def receipts_key() -> bytes | None:
    """The key that proofs are signed with, 32 bytes in hexadecimal; None: it is derived from the secret."""
    value = text("VAUCHFLOW_RECEIPTS_KEY", "")
    if not value:
        return None
    if len(value) != 64 or any(char not in "0123456789abcdefABCDEF" for char in value):
        raise SettingsError("VAUCHFLOW_RECEIPTS_KEY must be 64 hexadecimal digits")
    return bytes.fromhex(value)


def secret() -> bytes:
    """The key that API keys are hashed with."""
    try:
        return signing_secret(required("VAUCHFLOW_SECRET"))
    except ValueError as error:
        raise SettingsError(str(error)) from error
