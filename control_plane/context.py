"""What one control plane process holds for all of its requests."""

import asyncio
from contextlib import suppress

from control_plane.chores import Chores
from control_plane.mail import Sender, Unset
from control_plane.passwords import Passwords
from control_plane.receipts.signing import Signer
from store.database import Database
from store.shards import Shards

CLOSING_S = 5.0


class PeopleTools:
    """What signing in and inviting take: hashes, mail, what is done later, and how the installation is reached."""

    def __init__(
        self,
        mail: Sender | None = None,
        public_url: str = "http://127.0.0.1:8700",
        client_attempts: int = 100,
        shards: int = 8,
    ) -> None:
        self.passwords = Passwords()
        self.chores = Chores()
        self.mail = mail or Unset()
        self.public_url = public_url.rstrip("/")
        self.client_attempts = client_attempts
        self.shards = shards

    async def close(self) -> None:
        """Let what is under way end; a mail that no server takes is waited for no longer than CLOSING_S."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.chores.done()
        self.passwords.close()


class Context:
    """The process's stores, its secret, and what signs its proofs. `batches_due` wakes the worker of batches before
    its next look."""

    def __init__(self, database: Database, shards: Shards, secret: bytes, signer: Signer, people: PeopleTools) -> None:
        self.database = database
        self.shards = shards
        self.secret = secret
        self.signer = signer
        self.people = people
        self.batches_due = asyncio.Event()
