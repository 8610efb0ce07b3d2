"""A limit on guessing codes: each unknown code costs a token; who has none left sees only what this worker knows.

Must never slow down a code that is in use: known codes are served whatever was guessed before.
"""

import time
from collections.abc import Callable

BURST = 60.0
REFILL_PER_S = 1.0
MAX_GUESSERS = 50_000


class Guessing:
    """Token buckets by (key, client address); bounded, the oldest go first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def may_ask(self, guesser: tuple[str, str]) -> bool:
        """Whether this client may still name a code that this worker does not know."""
        return self._tokens(guesser) >= 1.0

    def missed(self, guesser: tuple[str, str]) -> None:
        """The code did not exist."""
        if len(self._buckets) >= MAX_GUESSERS:
            for old in list(self._buckets)[: MAX_GUESSERS // 10]:
                del self._buckets[old]
        self._buckets[guesser] = (max(0.0, self._tokens(guesser) - 1.0), self._clock())

    def _tokens(self, guesser: tuple[str, str]) -> float:
        tokens, at = self._buckets.get(guesser, (BURST, 0.0))
        return min(BURST, tokens + (self._clock() - at) * REFILL_PER_S)
