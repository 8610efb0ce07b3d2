"""Ids, codes and key material: their spelling, never their storage.

Must never read a clock or draw randomness itself: both are passed in, so that ids are testable and replayable.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
_TRIPLES = [first + pair for first in _BASE32 for pair in _PAIRS]
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Thirty-two characters without look-alikes (no I, O, 0, 1), so that one byte's low five bits pick one evenly."""

CODE_LENGTH = 12
MAX_CODE_LENGTH = 64
FINGERPRINT_BYTES = 16


def _base32(number: int) -> str:
    """Twenty-six characters of a number below 2**130: two, and eight times three. Written out, because every
    redemption has an id, and a loop takes twice the time."""
    high, low = number >> 60, number & (1 << 60) - 1
    return (
        f"{_PAIRS[high >> 60]}{_TRIPLES[high >> 45 & 32767]}{_TRIPLES[high >> 30 & 32767]}"
        f"{_TRIPLES[high >> 15 & 32767]}{_TRIPLES[high & 32767]}{_TRIPLES[low >> 45]}"
        f"{_TRIPLES[low >> 30 & 32767]}{_TRIPLES[low >> 15 & 32767]}{_TRIPLES[low & 32767]}"
    )


def time_ordered_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """`vch_01HX...`: a ULID (48 bits of milliseconds, 80 of entropy, see github.com/ulid/spec) behind a prefix."""
    if len(entropy) != 10:
        raise ValueError("a time-ordered id takes 10 bytes of entropy")
    return f"{prefix}_{_base32((now_ms << 80) | int.from_bytes(entropy))}"


def derived_id(prefix: str, *parts: str) -> str:
    """An id that the same parts always lead to."""
    return f"{prefix}_{_base32(int.from_bytes(_digest(b'vf-redemption', parts, 16)))}"


def redemption_id(project_id: str, route: str, idempotency_key: str) -> str:
    """The same (project, route, key) lands on the same id whenever it is retried, after whatever loss: that of
    derived_id, whose beginning is the same for every key of a project."""
    digest = _begun(project_id, route).copy()
    digest.update(_part(idempotency_key))
    return f"rdm_{_base32(int.from_bytes(digest.digest()))}"


@lru_cache(maxsize=1024)
def _begun(*parts: str) -> blake2b:
    return blake2b(b"".join(map(_part, parts)), digest_size=16, person=b"vf-redemption")


def part_id(redemption: str, line: int) -> str:
    """The id of one redeemable of a stack: its redemption's, and its number from 1."""
    return f"{redemption}-{line + 1}"


def split_part_id(text: str) -> tuple[str, int | None]:
    """A redemption's id, and the number of the redeemable from 0 where the id names one."""
    redemption, dash, number = text.partition("-")
    if dash and number.isascii() and number.isdigit() and len(number) <= 2 and number != "0":
        return redemption, int(number) - 1
    return text, None


def order_key(project_id: str, order_id: str, codes: Iterable[str]) -> bytes:
    """Sixteen bytes that say which order it is and what is redeemed on it, in whatever order."""
    return _digest(b"vf-order", (project_id, order_id, *sorted(codes)), 16)


def session_tag(project_id: str, session: str) -> str:
    """The name under which a session holds units."""
    return _digest(b"vf-session", (project_id, session), 8).hex()


def _digest(person: bytes, parts: Iterable[str], size: int) -> bytes:
    return blake2b(b"".join(map(_part, parts)), digest_size=size, person=person).digest()


def _part(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(4) + raw


def is_id(prefix: str, text: str) -> bool:
    """Whether the text is spelled like an id with this prefix; says nothing of its existence."""
    head, _, tail = text.partition("_")
    return head == prefix and len(tail) == 26 and all(char in _BASE32 for char in tail)


def fingerprint(path: str, body: bytes) -> bytes:
    """Sixteen bytes that tell two requests with one Idempotency-Key apart."""
    digest = blake2b(digest_size=FINGERPRINT_BYTES, person=b"vf-request")
    raw = path.encode()
    digest.update(len(raw).to_bytes(4) + raw + body)
    return digest.digest()


def normalise_code(text: str) -> str:
    """A code as it is stored and compared: blanks removed, upper case."""
    parts = text.upper().split()
    return parts[0] if len(parts) == 1 else "".join(parts)


def is_code(code: str) -> bool:
    """Whether a normalised code can exist: 1 to 64 printable characters that need no escaping in a path."""
    return 0 < len(code) <= MAX_CODE_LENGTH and code.isascii() and all(c.isalnum() or c in "-_.~" for c in code)


def code_from_entropy(entropy: bytes) -> str:
    """One code, a character for each byte of entropy."""
    return "".join(CODE_ALPHABET[byte & 31] for byte in entropy)
