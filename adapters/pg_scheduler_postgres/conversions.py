"""Values as they cross to SQL and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def instant(value: datetime) -> datetime:
    """The instant in UTC, whatever time zone the connection speaks. asyncpg gives an infinite time as the
    first or last naive one."""
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc(value: datetime | None) -> datetime | None:
    """As `instant`, where there may be none."""
    return None if value is None else instant(value)


def seconds(value: timedelta | None) -> float | None:
    """A duration as the float seconds that cross to SQL."""
    return None if value is None else value.total_seconds()


def duration(value: float | None) -> timedelta | None:
    """The inverse of `seconds`."""
    return None if value is None else timedelta(seconds=value)
