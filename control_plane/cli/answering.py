"""How commands end: the answer as one JSON object on stdout, what went wrong as one JSON line on stderr, and an exit
code that says which of both and why.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import asyncpg
import msgspec

from store.database import UNAVAILABLE
from store.environment import SettingsError
from store.link import FencedOut, RedisFull, RedisUnavailable, ScriptFailed

NOT_WELL = 1
"""It was refused or failed, or it was done and what it found is not well."""
MISUSED = 2
"""An argument or a variable of the environment does not hold; nothing was done."""
AWAY = 3
"""A store or the API is away, or not ready: the same command may work later."""

_AWAY: tuple[type[Exception], ...] = (RedisUnavailable, RedisFull, FencedOut, *UNAVAILABLE)
_FAILURES: tuple[type[Exception], ...] = (SettingsError, asyncpg.PostgresError, ScriptFailed, *_AWAY)
_encode = msgspec.json.Encoder(enc_hook=str, decimal_format="number").encode

T = TypeVar("T")


class CommandFailed(Exception):
    """Ends a command with a message for a person. `facts` go into the line as they are."""

    def __init__(self, message: str, exit_code: int = NOT_WELL, /, **facts: Any) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.facts = facts


def answer(work: Coroutine[Any, Any, T]) -> T:
    """Do the work and write what it returns; what fails ends the process."""
    found = run(work)
    say(found)
    return found


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do the work; what fails ends the process."""
    try:
        return asyncio.run(work)
    except CommandFailed as error:
        fail(str(error), error.exit_code, **error.facts)
    except _FAILURES as error:
        fail(f"{type(error).__name__}: {error}", _exit_code(error))


def _exit_code(error: Exception) -> int:
    """The code that a failure ends the process with."""
    if isinstance(error, SettingsError):
        return MISUSED
    # A server that refuses what it was told is no server that is away.
    is_away = isinstance(error, _AWAY) and not isinstance(error, asyncpg.DataError)
    return AWAY if is_away else NOT_WELL


def say(found: object) -> None:
    """One JSON value, one line, on stdout."""
    sys.stdout.write(_encode(found).decode() + "\n")
    sys.stdout.flush()


def fail(message: str, exit_code: int, /, **facts: Any) -> NoReturn:
    """One JSON line on stderr, and the end."""
    sys.stderr.write(_encode({"event": "command_failed", "message": message, **facts}).decode() + "\n")
    raise SystemExit(exit_code)
