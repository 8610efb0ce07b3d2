"""The session cookie: its token, what is stored of it, and the token that proves a request was meant.

Must never keep a token: the database has its HMAC, and the CSRF token is derived from it again for each request.
"""

import hmac
import secrets

import msgspec

COOKIE = "vf_session"
CSRF_HEADER = "Vauchflow-CSRF"
LONGEST_S = 30 * 24 * 3600

_TOKEN_BYTES = 32
_TOKEN_CHARS = 43


class NewSession(msgspec.Struct, frozen=True):
    """A token that was drawn a moment ago, and what is kept of it."""

    token: str
    token_hash: bytes
    csrf: str


def new_session(secret: bytes) -> NewSession:
    """A token of 256 bits."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return NewSession(token, token_hash(secret, token), csrf_token(secret, token))


def is_token(text: str) -> bool:
    """Whether this can be a token of ours; without I/O, and no proof of anything."""
    return len(text) == _TOKEN_CHARS and text.isascii() and all(char.isalnum() or char in "-_" for char in text)


def token_hash(secret: bytes, token: str) -> bytes:
    """What is stored of a token, and what it is found by: of a cookie, a password reset or an invitation."""
    return hmac.digest(secret, b"vauchflow token " + token.encode(), "sha256")


def csrf_token(secret: bytes, token: str) -> str:
    """What the page that was given the session sends along with every change."""
    return hmac.digest(secret, b"vauchflow csrf " + token.encode(), "sha256")[:24].hex()


def set_cookie(token: str, is_secure: bool) -> str:
    """The header that hands out a session; an empty token takes it back."""
    age_s = LONGEST_S if token else 0
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"
