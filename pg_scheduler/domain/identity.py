"""Names and ids: what makes two jobs or two tasks the same."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from pg_scheduler.domain.errors import InvalidInput

_UNFIT = re.compile("[\x00-\x1f\ud800-\udfff]")
"""Control characters and lone surrogates."""

MAX_NAME = 255
"""Longest task name and job id, in characters: they stand in index entries and NOTIFY payloads."""


def checked_name(field: str, value: object) -> str:
    """`value` as a plain str, fit to be stored and shown.

    Raises:
        InvalidInput: not a str, empty, too long, or with a NUL, control character or lone surrogate.
    """
    if not isinstance(value, str):
        raise InvalidInput(field, f"expected a str, got {type(value).__name__}")
    if not value or value.isspace():
        raise InvalidInput(field, "must not be empty")
    if len(value) > MAX_NAME:
        raise InvalidInput(field, f"{len(value)} characters; the limit is {MAX_NAME}")
    if _UNFIT.search(value):
        raise InvalidInput(field, "holds a control character or a lone surrogate", "Use printable text")
    return str.__str__(value)


def bare_name(task_name: str) -> str:
    """The function's own name within a task name: ``"app.mail:send"`` -> ``"send"``."""
    return task_name.rsplit(":", 1)[-1].rsplit(".", 1)[-1]


COUNTER_BITS = 30
"""Of a time-ordered id's 74 bits behind the time: they count within a millisecond, the others are random."""


def time_ordered_id(unix_ms: int, counter: int, randomness: bytes) -> str:
    """A version 7 UUID with a counter (RFC 9562, section 6.2, method 1): 48 bits of milliseconds, 30 that
    count, 44 random ones. Ids sort by time, then by counter.

    Ids made one after the other sort next to each other, which keeps the primary key's index small
    and its hot end cached.
    """
    time = f"{unix_ms & (1 << 48) - 1:012x}"
    upper, middle, lower = counter >> 18 & 0xFFF, counter >> 4 & 0x3FFF, counter & 0xF
    return f"{time[:8]}-{time[8:]}-7{upper:03x}-{0x8000 | middle:04x}-{lower:x}{randomness.hex()[:11]}"


def deterministic_id(task_name: str, canonical_arguments: str, window: datetime | None = None) -> str:
    """The id that equal calls share: sha256 over task name, canonical arguments and window.

    Each part is preceded by its length, so no two different triples read the same.
    """
    digest = hashlib.sha256()
    for part in (task_name, canonical_arguments, window.isoformat() if window else ""):
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()
