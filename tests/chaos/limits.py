"""What may have been in force when, by the control plane's history. Must never guess: a change whose outcome is not
known may or may not be in force."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from tests.chaos.history import Change, Offer

T = TypeVar("T")

UNLIMITED = 2**53
_NEVER = float("inf")


class InForce(Generic[T]):
    """One value of a definition over time. The changes of a campaign follow each other, each insisted on until it is
    answered 200, if it ever is."""

    def __init__(self, first: T, changes: Iterable[tuple[Change, T]]) -> None:
        self._spans: list[tuple[float, float, T]] = []
        standing: list[tuple[float, T]] = [(float("-inf"), first)]
        for change, value in sorted(changes, key=lambda pair: pair[0].asked_at):
            if change.status == 200:
                self._spans += [(since, change.answered_at, old) for since, old in standing]
                standing = []
            standing.append((change.asked_at, value))
        self._spans += [(since, _NEVER, value) for since, value in standing]

    def possible(self, from_at: float, until_at: float) -> list[T]:
        """Every value that may have been in force at some instant of the time."""
        return [value for since, until, value in self._spans if since <= until_at and until >= from_at]


class Definition:
    """A campaign's limits and status over the run."""

    def __init__(self, offer: Offer, changes: Iterable[Change]) -> None:
        mine = [change for change in changes if change.campaign_id == offer.campaign_id]
        self.offer = offer
        limits = [(change, change.limit) for change in mine if change.limit is not None]
        self._limit = InForce(UNLIMITED if offer.limit is None else offer.limit, limits)
        self._paused = InForce(False, [(change, change.paused) for change in mine if change.paused is not None])
        self.last_changed_at = max((change.answered_at for change in mine), default=float("-inf"))

    def greatest(self, from_at: float, until_at: float) -> int:
        return max(self._limit.possible(from_at, until_at))

    def least(self, from_at: float, until_at: float) -> int:
        return min(self._limit.possible(from_at, until_at))

    def greatest_until(self, until_at: float) -> int:
        """Of all the time before: what is used may be above a limit that was lowered."""
        return self.greatest(float("-inf"), until_at)

    def was_certainly_paused(self, from_at: float, until_at: float) -> bool:
        """All the time."""
        return all(self._paused.possible(from_at, until_at))

    def may_be_paused(self, from_at: float, until_at: float) -> bool:
        """At some instant."""
        return any(self._paused.possible(from_at, until_at))
