"""What one control plane process holds for all of its requests."""

import asyncio

from control_plane.receipts.signing import Signer
from store.database import Database
from store.shards import Shards


class Context:
    """The process's stores, its secret, and what signs its proofs. `batches_due` wakes the worker of batches before
    its next look."""

    def __init__(self, database: Database, shards: Shards, secret: bytes, signer: Signer) -> None:
        self.database = database
        self.shards = shards
        self.secret = secret
        self.signer = signer
        self.batches_due = asyncio.Event()
