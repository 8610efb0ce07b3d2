"""The key that proofs are signed with, and the check of a signature, which needs no key of ours.

Must never show the private key. It is drawn from VAUCHFLOW_SECRET unless one of its own is set, so that proofs work
without anything to set up, and can be given a key that outlives the secret.
"""

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.proofs import Statement, statement_bytes

KEY_BYTES = 32
_INFO = b"vauchflow receipts"


class Signer:
    """Signs statements with one Ed25519 key. `public_key` is 32 bytes in hexadecimal, `key_id` a short name of it."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw().hex()
        self.key_id = key_id(self.public_key)

    @classmethod
    def of(cls, secret: bytes, own_key: bytes | None) -> "Signer":
        """The key of its own, or else the one that is derived from the secret."""
        return cls(own_key or HKDF(SHA256(), KEY_BYTES, salt=None, info=_INFO).derive(secret))

    def sign(self, statement: Statement) -> str:
        """The signature, in hexadecimal."""
        return self._key.sign(statement_bytes(statement)).hex()


def key_id(public_key: str) -> str:
    """What a public key is called."""
    return "rky_" + sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def is_signed(statement: Statement, signature: str, public_key: str) -> bool:
    """Whether this key has signed this statement."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), statement_bytes(statement))
    except (ValueError, OverflowError, InvalidSignature):
        return False
    return True
