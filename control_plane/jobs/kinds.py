"""What the worker knows of an action, and what one chunk of it may do. Must never know of any area's work."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from control_plane.auth import Tenant
from control_plane.calls import Call
from control_plane.context import Context
from control_plane.effects import Change
from control_plane.problems import Errors
from domain.metadata_schemas import MetadataSchema
from domain.outcomes import PROBLEMS
from domain.problems import Refused
from store.database import Transaction

MOST_REASON_CHARS = 300
_NAMED_FIELDS = 3


class Action(msgspec.Struct, frozen=True):
    """An action that waits for a worker."""

    account_id: str
    project_id: str
    shard: int
    id: str


class Failure(msgspec.Struct, frozen=True):
    """One row that came to nothing. `code` is the row's own name: the voucher's code, the customer's id."""

    row: int
    code: str
    reason: str


class JobCall(Call):
    """Stands where a request's call does, for work that whoever ordered the action has left to the worker."""

    def __init__(self, context: Context, tenant: Tenant, metadata_schemas: dict[str, MetadataSchema | None]) -> None:
        # Not Call's own: there is no request here, so neither a body nor a key of it.
        self.context = context
        self.tenant = tenant
        self.metadata_schemas = metadata_schemas
        self.account_id = tenant.account_id
        self.actor = tenant.actor
        self.operation = "job"
        self.idempotency_key = None
        self.errors = Errors()


class Run(msgspec.Struct):
    """One chunk's turn: what is left, where it begins, and for whom."""

    context: Context
    action: Action
    tenant: Tenant
    params: Any
    position: Any
    left_count: int
    gone_count: int
    result_chunks: int
    ordered_at: datetime
    metadata_schemas: dict[str, MetadataSchema | None] = {}
    """Looked up once in a chunk."""

    def call(self) -> JobCall:
        """A call with no errors noted yet: one for each row."""
        return JobCall(self.context, self.tenant, self.metadata_schemas)


class Step(msgspec.Struct):
    """What a chunk did. It is written in the chunk's own transaction; `changes` are put in force after it."""

    done: int = 0
    failures: list[Failure] = []
    position: Any = None
    is_over: bool = False
    """Of an open-ended action: this was the last."""
    result_chunks: int = 0
    """How many chunks were added to the result."""
    changes: tuple[Change, ...] = ()
    wait_s: float = 0.0
    """Something is to be waited for: so long the action is no worker's."""


class Kind(msgspec.Struct, frozen=True):
    """How actions of one type are done, and how many rows a second at most, for the sake of whoever redeems."""

    chunk: Callable[[Transaction, Run], Awaitable[Step]]
    rows_per_s: int
    is_batch: bool = False
    """It makes codes: the project's change number moves with every chunk."""


def reason_of(refused: Refused) -> str:
    """Why a row was refused, in one line."""
    fields = [
        f"{(error.pointer or '').lstrip('/') or 'row'}: {error.detail}" for error in refused.errors[:_NAMED_FIELDS]
    ]
    what = "; ".join(fields) or refused.detail or PROBLEMS[refused.code].title
    return storable(what if refused.code == "invalid_request" else f"{refused.code}: {what}")[:MOST_REASON_CHARS]


def storable(text: str) -> str:
    """What a client has sent, as a report can keep it: PostgreSQL has no NUL."""
    return text.replace("\x00", "\ufffd")
