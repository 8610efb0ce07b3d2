"""Names of keys: the only module that spells one.

Every key of a shard carries its hash tag, so that one script touches all it needs on Redis Cluster too, and the
epoch, so that nothing of an old epoch is ever used again.
"""

import msgspec


class Keyspace(msgspec.Struct, frozen=True):
    """The names of one shard in one epoch."""

    shard: int
    epoch: int

    @property
    def prefix(self) -> str:
        return f"{{vf{self.shard}}}:{self.epoch}:"

    @property
    def meta(self) -> str:
        return f"{self.prefix}meta"

    @property
    def stream(self) -> str:
        return f"{self.prefix}stream"

    def record(self, record_id: str) -> str:
        """Idempotency record of a redemption or a rollback."""
        return f"{self.prefix}i:{record_id}"

    def definition(self, key: str) -> str:
        """A definition, or a project's change number, which is checked like one."""
        return f"{self.prefix}d:{key}"

    def counter(self, name: str) -> str:
        return f"{self.prefix}k:{name}"


def records_of_shard(shard: int) -> str:
    """A pattern for the idempotency records of all epochs of a shard."""
    return f"{{vf{shard}}}:*:i:*"


def confirmed_channel(shard: int) -> str:
    """Where confirm publishes; one channel a shard over all its epochs, so that waiting workers stay subscribed."""
    return f"{{vf{shard}}}:confirmed"
