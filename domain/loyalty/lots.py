"""Lots: when points that are earned now can be spent and when they expire, and what a card has at a moment.

Both ends are rounded up to a day or a month of UTC, so that a card has few lots, whatever it earns. Must never round
against the customer.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from .programs import Expiry, LoyaltyProgram

DAY_MS = 86_400_000
MOST_DAILY = 92
"""Days from being earned up to which points expire by the day; later by the month. So a card has about a hundred lots
at most, or one a month."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Landing(msgspec.Struct, frozen=True):
    """Where points go that are earned at a moment: from when on (0: at once), and into the lot of which expiry."""

    from_ms: int
    expires_ms: int


class LotState(msgspec.Struct, frozen=True):
    """A lot with its steps (from when on, points), and what of it is spent."""

    expires_ms: int
    steps: tuple[tuple[int, int], ...]
    spent: int = 0

    @property
    def points_left(self) -> int:
        """What is not spent of it, whenever it could be."""
        return max(0, sum(points for _, points in self.steps) - self.spent)

    def available(self, now_ms: int) -> int:
        """What of it can be spent at a moment."""
        if self.is_expired(now_ms):
            return 0
        return max(0, sum(points for from_ms, points in self.steps if from_ms <= now_ms) - self.spent)

    def is_expired(self, now_ms: int) -> bool:
        """From its very millisecond on."""
        return self.expires_ms != 0 and now_ms >= self.expires_ms


class Standing(msgspec.Struct, frozen=True):
    """What a card has at a moment. `expiring`: what can expire of the first two, by when, the earliest first."""

    available: int
    pending: int
    expired: int
    expiring: tuple[tuple[int, int], ...]


def lot_of(program: LoyaltyProgram, now_ms: int) -> Landing:
    """Where points of the program go that are earned now."""
    from_ms = _day_up(now_ms + program.pending_days * DAY_MS) if program.pending_days else 0
    if program.expiry is None:
        return Landing(from_ms, 0)
    return Landing(from_ms, _expires_ms(program.expiry, program.pending_days, from_ms or now_ms))


def standing(lots: Sequence[LotState], now_ms: int) -> Standing:
    """What the lots come to."""
    live = [lot for lot in lots if not lot.is_expired(now_ms)]
    available = sum(lot.available(now_ms) for lot in live)
    kept = sum(lot.points_left for lot in live)
    expiring = sorted((lot.expires_ms, lot.points_left) for lot in live if lot.expires_ms and lot.points_left)
    expired = sum(lot.points_left for lot in lots) - kept
    return Standing(available, kept - available, expired, tuple(expiring))


def _expires_ms(expiry: Expiry, pending_days: int, from_ms: int) -> int:
    if expiry.end_of is not None:
        start = _datetime(from_ms)
        months = 12 - start.month if expiry.end_of == "year" else 0
        return _ms(_month_after(start, months + expiry.after_months))
    expires_ms = from_ms + expiry.days * DAY_MS
    if pending_days + expiry.days <= MOST_DAILY:
        return _day_up(expires_ms)
    return _ms(_month_after(_datetime(expires_ms - 1), 0))


def _day_up(moment_ms: int) -> int:
    return -(-moment_ms // DAY_MS) * DAY_MS


def _month_after(time: datetime, months: int) -> datetime:
    """The first moment after the month that is so many after the time's."""
    count = time.year * 12 + time.month + months
    return datetime(count // 12, count % 12 + 1, 1, tzinfo=UTC)


def _datetime(moment_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment_ms)


def _ms(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(milliseconds=1)
