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


_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The hexadecimal digit that keeps two random bits of another and says that the UUID is one of RFC 9562."""


def time_ordered_id(unix_ms: int, randomness: bytes) -> str:
    """A version 7 UUID (RFC 9562): 48 bits of milliseconds, then 74 random bits.

    Ids made one after the other sort next to each other, which keeps the primary key's index small
    and its hot end cached.
    """
    time, noise = f"{unix_ms & (1 << 48) - 1:012x}", randomness[:10].hex()
    variant = _VARIANT[noise[4]]
    return f"{time[:8]}-{time[8:]}-7{noise[1:4]}-{variant}{noise[5:8]}-{noise[8:]}"


def deterministic_id(task_name: str, canonical_arguments: str, window: datetime | None = None) -> str:
    """The id that equal calls share: sha256 over task name, canonical arguments and window.

    Each part is preceded by its length, so no two different triples read the same.
    """
    digest = hashlib.sha256()
    for part in (task_name, canonical_arguments, window.isoformat() if window else ""):
        encoded = part.encode()
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()
