"""Times as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler_web.forms import Fields

_AGE = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}


def length_of(text: str) -> timedelta | None:
    """``90s``, ``5m``, ``1h``, ``7d``, ``2w``; None for anything else."""
    found = _AGE.fullmatch(text.strip())
    return None if found is None else timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def time_of(word: str, text: str | None, now: datetime) -> datetime | None:
    """How long ago, or a time in ISO 8601; without an offset it is UTC.

    Raises:
        InvalidInput: something else.
    """
    if text is None:
        return None
    if (length := length_of(text)) is not None:
        return now - length
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        problem = f"expected an age (1h, 7d) or a time in ISO 8601, got {text[:40]!r}"
        raise InvalidInput(word, problem) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def delay_of(fields: Fields) -> datetime | None:
    """When jobs are to run, as a form says: in a while, at a time in UTC; None: now.

    Raises:
        InvalidInput: something else.
    """
    text = fields.get("at")
    if text is None:
        return None
    if (length := length_of(text)) is not None:
        return datetime.now(UTC) + length
    return time_of("at", text, datetime.now(UTC))
