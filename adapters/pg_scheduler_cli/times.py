"""Times as people type them: an age (``24h``), or an instant in ISO 8601 with its offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.errors import InvalidInput

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def read_time(option: str, text: str) -> datetime:
    """The instant that is meant.

    Raises:
        InvalidInput: neither an age nor a time with an offset.
    """
    if (age := _AGE.fullmatch(text.strip())) is not None:
        try:
            return datetime.now(UTC) - _length(age)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    return _instant(option, text)


def read_moment(at: str | None, delay: str | None) -> datetime:
    """The instant that ``--at`` names, or that is ``--in`` so long from now.

    Raises:
        InvalidInput: it is none.
    """
    if at is not None:
        return _instant("--at", at)
    length = _AGE.fullmatch((delay or "").strip())
    if length is None:
        raise InvalidInput("--in", f"not a length of time: {delay!r}", "For example 90s, 15m, 2h or 1d")
    try:
        return datetime.now(UTC) + _length(length)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _length(match: re.Match[str]) -> timedelta:
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def _instant(option: str, text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            option, f"not a time: {text!r}", "For example 24h, 7d or 2030-01-31T08:00:00Z"
        ) from None
    if time.tzinfo is None:
        raise InvalidInput(option, f"{text!r} has no offset", f"For UTC write {text}Z")
    return time
