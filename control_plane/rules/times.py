"""Times of rules: ISO 8601 on the wire, Unix milliseconds in the domain, IANA names for time zones."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
"""What can still be shown in UTC: an offset can lead beyond."""


def zone(name: str | None) -> tzinfo:
    """The time zone of an IANA name, UTC for none; ValueError if there is none of that name."""
    if name is None or name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is not an IANA time zone") from error


def parse_ms(text: str, within: tzinfo) -> int:
    """The moment of an ISO 8601 text; one without an offset is read in the given zone. ValueError if it is none."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=within)
        moment_ms = (time - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise ValueError("is not a time in ISO 8601") from error
    if moment_ms < 0:
        raise ValueError("is before 1970")
    if moment_ms > _LAST_MS:
        raise ValueError("is after the year 9999")
    return moment_ms


def show_ms(moment_ms: int | None) -> str | None:
    """2026-11-21T20:35:09.123Z"""
    if moment_ms is None:
        return None
    return show_time(_EPOCH + timedelta(milliseconds=moment_ms))


def show_time(time: datetime) -> str:
    """The same of a time from PostgreSQL."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
