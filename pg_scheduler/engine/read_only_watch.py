"""Says that a worker waits for a server that accepts writes: once, whatever all its services meet."""

from __future__ import annotations

import logging

from pg_scheduler.domain.errors import ReadOnlyServer

log: logging.Logger = logging.getLogger(__name__)


class ReadOnlyWatch:
    """Hears of the failed rounds of a worker's services, and of its renewals, which are writes."""

    def __init__(self) -> None:
        self._waiting = False

    def failed(self, error: Exception) -> None:
        """A round has failed."""
        if isinstance(error, ReadOnlyServer) and not self._waiting:
            self._waiting = True
            log.warning(
                "the database accepts no writes: it is a replica, or another server has taken over. This "
                "worker waits, and goes on when it reaches one that does (%s)",
                error,
                extra={"error": str(error)},
            )

    def renewed(self) -> None:
        """Something was written."""
        if self._waiting:
            self._waiting = False
            log.warning("the database accepts writes again")
