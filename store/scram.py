"""SCRAM-SHA-256 verifiers (RFC 5803), as PostgreSQL stores them: what is sent in the place of a password.

Must never log, and never keep a password.
"""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 4096  # PostgreSQL's own default
MIN_PASSWORD_LENGTH = 8


def scram_verifier(password: str, salt: bytes | None = None) -> str:
    """The verifier of a password. Printable ASCII only: other text would have to be normalised (SASLprep)."""
    if len(password) < MIN_PASSWORD_LENGTH or not password.isascii() or not password.isprintable():
        raise ValueError(f"a role's password takes at least {MIN_PASSWORD_LENGTH} printable ASCII characters")
    salt = secrets.token_bytes(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${ITERATIONS}:{_b64(salt)}${_b64(stored_key)}:{_b64(server_key)}"


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
