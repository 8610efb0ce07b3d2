"""Codes of whatever has one: as a body chooses them, or drawn. All codes of a project are one namespace.

Must never log a code.
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

import asyncpg
import msgspec
from msgspec import UnsetType

from control_plane.clock import now_ms
from control_plane.problems import Errors
from domain.ids import CODE_LENGTH, MAX_CODE_LENGTH, code_from_entropy, is_code, normalise_code, time_ordered_id
from domain.problems import FieldError, Refused

CodeText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Insert = Callable[[str], Awaitable[object]]
"""Inserts a row with this code, and returns something, or None where the code is taken."""

_MOST_DRAWS = 5
_ID_BYTES = 10


def read_code(given: str | UnsetType | None, errors: Errors) -> str | None:
    """The code that a body chooses, normalised; None where it is to be drawn."""
    if not isinstance(given, str):
        return None
    code = normalise_code(given)
    if not is_code(code) or not code.strip("."):
        errors.add("/code", f"takes 1 to {MAX_CODE_LENGTH} letters, digits and -_.~ , and not dots alone")
    return code


async def insert_coded(wanted: str | None, insert: Insert) -> None:
    """Insert with the code that is wanted, or with one that is drawn. Refused where it is taken."""
    try:
        for _ in range(1 if wanted else _MOST_DRAWS):
            if await insert(wanted or code_from_entropy(secrets.token_bytes(CODE_LENGTH))) is not None:
                return
    except asyncpg.UniqueViolationError as error:
        # Taken this moment by something of another kind: `codes` knows it, the row's own table does not.
        if error.constraint_name != "codes_pkey":
            raise
    if wanted is None:
        raise Refused("internal_error")
    raise Refused("code_taken", errors=(FieldError("is taken", pointer="/code"),))


def draw_many(prefix: str, count: int) -> tuple[list[str], list[str]]:
    """Ids and codes from one reading of the system's randomness."""
    size = _ID_BYTES + CODE_LENGTH
    entropy, time_ms = os.urandom(count * size), now_ms()
    starts = range(0, count * size, size)
    ids = [time_ordered_id(prefix, time_ms, entropy[at : at + _ID_BYTES]) for at in starts]
    return ids, [code_from_entropy(entropy[at + _ID_BYTES : at + size]) for at in starts]
