"""Tells those who watch a worker that the database is out of reach, and that it is back: once each, whatever
all its services meet."""

from __future__ import annotations

from collections.abc import Callable

from pg_scheduler.domain.errors import ConnectionLost, DatabaseUnavailable
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.worker_events import DatabaseBack, DatabaseLost


class DatabaseWatch:
    """Hears of the failed rounds of a worker's services, and of its renewals that were answered."""

    def __init__(self, clock: Clock, tell: Callable[[DatabaseLost | DatabaseBack], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._lost_at: float | None = None

    def failed(self, error: Exception) -> None:
        """A round has failed."""
        if self._lost_at is None and isinstance(error, ConnectionLost | DatabaseUnavailable):
            self._lost_at = self._clock.monotonic()
            self._tell(DatabaseLost(error))

    def renewed(self) -> None:
        """The database has answered."""
        if self._lost_at is not None:
            after, self._lost_at = self._clock.monotonic() - self._lost_at, None
            self._tell(DatabaseBack(after))
