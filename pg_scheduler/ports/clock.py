"""The Clock port."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time as the engine sees it. Every wait of the engine goes through `sleep`."""

    def pinned(self) -> datetime | None:
        """The instant at which decisions are made, or None in production.

        None means: the *database's* clock decides due times, leases and misfires. A worker's own
        wall clock never does. Only a test clock returns an instant, and then every driver uses it.
        """
        ...

    def now(self) -> datetime:
        """Aware wall time, for showing and for making ids; never for a decision about a job."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never jump; for the worker's own timers."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock's time; at once if it is not positive."""
        ...
