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
            return datetime.now(UTC) - timedelta(seconds=float(age[1]) * _SECONDS[age[2]])
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            option, f"not a time: {text!r}", "For example 24h, 7d or 2030-01-31T08:00:00Z"
        ) from None
    if time.tzinfo is None:
        raise InvalidInput(option, f"{text!r} has no offset", f"For UTC write {text}Z")
    return time
