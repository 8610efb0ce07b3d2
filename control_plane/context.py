"""What one control plane process holds for all of its requests."""

import asyncio

from store.database import Database
from store.shards import Shards


class Context:
    """The process's stores and its secret. `batches_due` wakes the worker of batches before its next look."""

    def __init__(self, database: Database, shards: Shards, secret: bytes) -> None:
        self.database = database
        self.shards = shards
        self.secret = secret
        self.batches_due = asyncio.Event()
