"""Functions to schedule, and when."""

from __future__ import annotations

from datetime import UTC, datetime

from pg_scheduler import ConflictResolution

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
IGNORE, REPLACE = ConflictResolution.IGNORE, ConflictResolution.REPLACE


async def add(one: int, other: int = 0) -> int:
    return one + other


async def fails() -> None:
    raise OSError("gone")
