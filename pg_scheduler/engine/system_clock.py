"""The clock of production."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's own time; decisions are left to the database's (`pinned()` is None)."""

    def pinned(self) -> datetime | None:
        """None: the database decides."""
        return None

    def now(self) -> datetime:
        """The machine's wall time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(max(seconds, 0))
