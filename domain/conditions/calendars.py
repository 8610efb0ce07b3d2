"""Times of day and dates where a shop is: what a moment is in a time zone, and for how long.

Owns the daylight-saving traps: a segment never spans a change of the offset, nor midnight. Must never read a clock.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .fields import DAYS

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
# They are files on some machines and not on others, or count leap seconds.
_NO_ZONES = ("localtime", "posixrules", "Factory")
_NO_FOLDERS = ("posix/", "right/")


class Segment(NamedTuple):
    """From start_ms until before end_ms it is one date, and clocks are at one offset from UTC. They would have shown
    00:00 at midnight_ms, had they not been changed since."""

    start_ms: int
    end_ms: int
    midnight_ms: int
    weekday: str
    date: str


class Moment(NamedTuple):
    """What clock and calendar show."""

    day_ms: int
    """Since midnight, as the clock shows it."""
    weekday: str
    date: str
    hour: int


def is_zone(name: object) -> bool:
    """Whether it is the name of an IANA time zone."""
    if not isinstance(name, str) or not 1 <= len(name) <= 64 or name in _NO_ZONES or name.startswith(_NO_FOLDERS):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


class Zone:
    """A time zone that remembers the segment it was last asked for, because time seldom goes far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._info = ZoneInfo(name)
        self._last = Segment(0, 0, 0, "", "")

    def segment(self, at_ms: int) -> Segment:
        """The segment of this moment: the same for each moment in it."""
        last = self._last
        if last.start_ms <= at_ms < last.end_ms:
            return last
        offset_ms = self._offset_ms(at_ms)
        day = (at_ms + offset_ms) // DAY_MS
        midnight_ms = day * DAY_MS - offset_ms
        today = _EPOCH.date() + timedelta(days=day)
        self._last = last = Segment(
            self._furthest_ms(at_ms, midnight_ms, offset_ms),
            self._furthest_ms(at_ms, midnight_ms + DAY_MS - 1, offset_ms) + 1,
            midnight_ms,
            DAYS[today.weekday()],
            today.isoformat(),
        )
        return last

    def _furthest_ms(self, at_ms: int, end_ms: int, offset_ms: int) -> int:
        """The furthest moment between at_ms and end_ms to which clocks stay at this offset. It goes by hours, for
        two changes within one hour are found nowhere."""
        step = HOUR_MS if end_ms > at_ms else -HOUR_MS
        good = at_ms
        while good != end_ms:
            probe = min(good + step, end_ms) if step > 0 else max(good + step, end_ms)
            if self._offset_ms(probe) != offset_ms:
                return self._bisect(good, probe, offset_ms)
            good = probe
        return end_ms

    def _bisect(self, good: int, bad: int, offset_ms: int) -> int:
        while abs(good - bad) > 1:
            middle = (good + bad) // 2
            if self._offset_ms(middle) == offset_ms:
                good = middle
            else:
                bad = middle
        return good

    def _offset_ms(self, at_ms: int) -> int:
        offset = (_EPOCH + at_ms * _MS).astimezone(self._info).utcoffset()
        assert offset is not None
        return offset // _MS


@lru_cache(maxsize=1024)
def zone(name: str) -> Zone:
    """The zone of a checked name; one of each, so that all rules share what it remembers."""
    return Zone(name)


class Clock:
    """A zone with the times of day at which some rule's conditions turn."""

    def __init__(self, name: str) -> None:
        self.zone = zone(name)
        self.turns_ms: tuple[int, ...] = ()

    def turn_at(self, turns_ms: Iterable[int]) -> None:
        """Note times of day, since midnight, at which a condition may turn."""
        self.turns_ms = tuple(sorted({*self.turns_ms, *turns_ms}))

    def moment(self, at_ms: int) -> tuple[Moment, int, int]:
        """What this clock shows, from when until before when no condition on it turns."""
        start_ms, end_ms, midnight_ms, weekday, day = self.zone.segment(at_ms)
        day_ms = at_ms - midnight_ms
        for turn_ms in self.turns_ms:
            if turn_ms > day_ms:
                end_ms = min(end_ms, midnight_ms + turn_ms)
                break
            start_ms = max(start_ms, midnight_ms + turn_ms)
        return Moment(day_ms, weekday, day, day_ms // HOUR_MS), max(start_ms, 0), end_ms


def bucket(period: str, day: str) -> str:
    """The name of the day, week or month that a date (YYYY-MM-DD) is in; '' of all times."""
    if period == "day":
        return "d" + day.replace("-", "")
    if period == "week":
        year, week, _ = date.fromisoformat(day).isocalendar()
        return f"w{year}W{week:02}"
    return "m" + day[:7].replace("-", "") if period == "month" else ""
