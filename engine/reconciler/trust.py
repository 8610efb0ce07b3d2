"""Whether a server's data are believed after its epoch was broken: a pure judgement over evidence.

Believed means: nothing acknowledged is missing, so nothing has to be withheld. Must never believe for want of
evidence: what is not known counts against.
"""

import msgspec

from domain.ledger import Position
from engine.reconciler.servers import Meta


class Evidence(msgspec.Struct, frozen=True):
    """What is known of the old epoch on the server that answers now. `ledger` is where PostgreSQL stood when the
    epoch's surviving stream was drained. `trust_aof`: the operator says that there is one server, with its own disk."""

    meta: Meta | None
    last_generated: Position
    ledger: Position
    same_server: bool
    trust_aof: bool
    durability: str = "fast"
    last_write_status: str = ""
    was_replica: bool = False

    @property
    def is_only_server(self) -> bool:
        """Whether no other server can still be granting in the old epoch."""
        return self.same_server or (self.trust_aof and not self.was_replica)


def why_not(evidence: Evidence) -> str:
    """The first reason not to believe; '' if there is none."""
    meta = evidence.meta
    if meta is None:
        return "the server does not have the epoch"
    if meta.position > evidence.last_generated or evidence.ledger > evidence.last_generated:
        return "the stream ends before what the ledger has settled"
    if meta.entry != evidence.last_generated:
        return "the stream does not end with the last entry that was granted"
    if evidence.same_server:
        return ""
    if evidence.was_replica:
        return "the server was a replica of the one that granted"
    if not evidence.trust_aof:
        return "VAUCHFLOW_TRUST_AOF is off"
    if evidence.durability != "durable":
        return "the server does not sync its append-only file before it answers"
    if evidence.last_write_status != "ok":
        return "the server could not write its append-only file"
    return ""
