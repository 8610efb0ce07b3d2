"""What a generator is told and what it reports, and how answers are judged. Must never take a server's word: an answer
counts as a redemption only if it is one, with an id that no other answer had, for the key that was sent."""

import re
from collections import Counter
from pathlib import Path

import msgspec

MOST_REQUESTS = 400_000
"""No load sends more, however long it was told to run: the ids of all answers are kept."""


class Load(msgspec.Struct, frozen=True):
    """A load, bounded in time and in number. Keys and customers carry the run's name, so that no two runs share one.

    With `redeemables` it is stacks: so many codes on an order of so many `items` each. Only our generator plays it."""

    port: int
    secret_key: str
    run: str
    codes: Path
    connections: int
    seconds: float
    most_requests: int = MOST_REQUESTS
    redeemables: int = 0
    items: int = 0


class Answers(msgspec.Struct, frozen=True):
    """What came back. `wrong` are answers of 200 that are no redemption of the key that was sent; `lost` are requests
    without an answer, because the load was over or the connection broke."""

    sent: int
    granted: int
    refused: dict[str, int]
    wrong: int
    duplicates: int
    lost: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_s: float = 0.0
    samples: tuple[str, ...] = ()

    @property
    def per_second(self) -> float:
        return self.granted / self.seconds if self.seconds else 0.0

    def complaints(self) -> list[str]:
        """Why this is no result; empty where it is one."""
        found = [f"{count} answers with status {status}" for status, count in sorted(self.refused.items())]
        if self.wrong:
            found.append(f"{self.wrong} answers of 200 that are no redemption of their key")
        if self.duplicates:
            found.append(f"{self.duplicates} redemption ids that were given twice")
        if self.lost:
            found.append(f"{self.lost} requests without an answer")
        if not self.granted:
            found.append("nothing was granted")
        if found and self.samples:
            found.append("for example: " + " | ".join(self.samples))
        return found


_REDEMPTION = re.compile(rb'\{"id":"(rdm_[0-9A-Z]{26})","status":"redeemed".*?"idempotency_key":"([^"]*)"')
_SAMPLES = 3


class Checker:
    """Judges answers one by one."""

    def __init__(self) -> None:
        self.granted = self.wrong = self.duplicates = 0
        self.refused: Counter[str] = Counter()
        self.samples: list[str] = []
        self._ids: set[bytes] = set()

    def take(self, key: bytes, status: int, body: bytes) -> None:
        """One answer to the request that was sent with this key."""
        found = _REDEMPTION.match(body) if status == 200 else None
        if found is not None and found[2] == key and found[1] not in self._ids:
            self._ids.add(found[1])
            self.granted += 1
            return
        if status != 200:
            self.refused[str(status)] += 1
        elif found is None or found[2] != key:
            self.wrong += 1
        else:
            self.duplicates += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append(body[:200].decode(errors="replace"))


def percentile(ordered: list[float], share: float) -> float:
    """The value that this share of an ordered list does not exceed (nearest rank)."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
