"""Passwords: argon2id off the event loop, few at a time, and as much work for nobody as for somebody.

Must never log or keep a password.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from domain.problems import Refused

T = TypeVar("T")

AT_ONCE = 2
"""Each takes 64 MiB and four threads for some 50 ms."""
MOST_WAITING = 32


class Passwords:
    """Hashes and verifies; bounded, so that signing in can be slowed down by a crowd, and nothing else can."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0
        self._nobodys: str | None = None

    def close(self) -> None:
        """Let what is under way end."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        return await self._run(self._hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether this is the password; None, nobody's, takes as long and never is."""
        if stored is None:
            if self._nobodys is None:
                self._nobodys = await self.hash("nobody has this password")
            await self._run(self._verify, self._nobodys, password)
            return False
        return await self._run(self._verify, stored, password)

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._waiting >= MOST_WAITING:
            raise Refused("overloaded", "Too many people are signing in at this moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        finally:
            self._waiting -= 1

    def _hash(self, password: str) -> str:
        return self._hasher.hash(_same(password))

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _same(password))
        except (VerificationError, InvalidHashError):
            return False


def _same(password: str) -> str:
    """However a keyboard composes its characters, it is the same password."""
    return unicodedata.normalize("NFKC", password)
