"""The second copy: every answer of this worker that PostgreSQL has not confirmed yet, kept until it has.

When Redis is lost, what stands here and nowhere else is handed in. One ring for each shard and epoch, all of them
within one budget: a worker whose budget is used up refuses. Must never overwrite an answer, and never take one in
after it was sealed: what was handed in is all that was ever answered.
"""

from collections.abc import Iterator
from itertools import takewhile

from domain.ledger import Position
from domain.problems import Refused
from store.rings import Answer

BUDGET_BYTES = 64 * 1024 * 1024
"""Of all rings of a worker. A redemption of one line takes about 700 bytes of it: some 90,000 unconfirmed answers."""

_OVERHEAD_BYTES = 300


class Budget:
    """How much all rings of a worker hold."""

    def __init__(self, most_bytes: int = BUDGET_BYTES) -> None:
        self.most_bytes = most_bytes
        self.used_bytes = 0

    @property
    def is_used_up(self) -> bool:
        """Asked before the script runs: what is in flight then still finds its place."""
        return self.used_bytes >= self.most_bytes


class Ring:
    """The unconfirmed answers of one shard in one epoch."""

    def __init__(self, shard: int, epoch: int, budget: Budget) -> None:
        self.shard = shard
        self.epoch = epoch
        self.sealed = False
        self.confirmed = Position()
        self._budget = budget
        # Grants come in the order of the stream. What is answered again does not, and is rare.
        self._last = (Position(), -1)
        self._grants: dict[tuple[Position, int], Answer] = {}
        self._replays: dict[tuple[Position, int], Answer] = {}

    def __len__(self) -> int:
        return len(self._grants) + len(self._replays)

    def expect_room(self) -> None:
        """Refused `ledger_lagging` where nothing more can be answered."""
        if self._budget.is_used_up:
            raise Refused("ledger_lagging", "too many answers wait for the ledger")

    def add(self, answer: Answer) -> None:
        """Keep an answer that is about to be sent; Refused `outcome_pending` where it must not be sent any more."""
        if self.sealed:
            raise Refused("outcome_pending", "the epoch is over")
        if answer.position <= self.confirmed:
            return
        where = (answer.position, answer.index)
        if where > self._last:
            self._grants[where] = answer
            self._last = where
        elif where in self._grants or where in self._replays:
            return
        else:
            self._replays[where] = answer
        self._budget.used_bytes += _size(answer)

    def confirm(self, position: Position) -> None:
        """All up to this position is in PostgreSQL."""
        if position <= self.confirmed:
            return
        self.confirmed = position
        done = list(takewhile(lambda where: where[0] <= position, self._grants))
        freed = sum(_size(self._grants.pop(where)) for where in done)
        for where in [where for where in self._replays if where[0] <= position]:
            freed += _size(self._replays.pop(where))
        self._budget.used_bytes -= freed

    def seal(self) -> list[Answer]:
        """From now on nothing is taken in; all that is in it."""
        self.sealed = True
        return [*self._grants.values(), *self._replays.values()]

    def clear(self) -> None:
        """It has been handed in."""
        self._budget.used_bytes -= sum(map(_size, (*self._grants.values(), *self._replays.values())))
        self._grants.clear()
        self._replays.clear()


def _size(answer: Answer) -> int:
    return len(answer.payload) + _OVERHEAD_BYTES


class Rings:
    """All rings of a worker, those of epochs that are over included until they are handed in."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget or Budget()
        self._rings: dict[tuple[int, int], Ring] = {}

    def __iter__(self) -> Iterator[Ring]:
        return iter(list(self._rings.values()))

    def of(self, shard: int, epoch: int) -> Ring:
        """The ring of a shard in an epoch; the same one however often the shard is opened in it."""
        return self._rings.setdefault((shard, epoch), Ring(shard, epoch, self.budget))

    def confirm(self, shard: int, epoch: int, position: Position) -> None:
        """The reconciler has spoken."""
        ring = self._rings.get((shard, epoch))
        if ring is not None:
            ring.confirm(position)

    def drop(self, ring: Ring) -> None:
        """Handed in, or left empty."""
        ring.clear()
        del self._rings[ring.shard, ring.epoch]
