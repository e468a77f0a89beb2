"""Says that a worker waits for a server that accepts writes: once, whatever all its services meet."""

from __future__ import annotations

import logging
import math

from pg_scheduler.domain.errors import ReadOnlyServer
from pg_scheduler.ports.clock import Clock

log: logging.Logger = logging.getLogger(__name__)

LAST_CONNECTIONS = 10.0
"""Seconds in which connections may turn up that were made before."""


class ReadOnlyWatch:
    """Hears of the failed rounds of a worker's services, and of its renewals, which are writes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting = False
        self._ended = -math.inf
        """When it last was over."""

    def failed(self, error: Exception) -> None:
        """A round has failed."""
        if not isinstance(error, ReadOnlyServer) or self._waiting:
            return
        if self._clock.monotonic() - self._ended >= LAST_CONNECTIONS:
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
            self._waiting, self._ended = False, self._clock.monotonic()
            log.warning("the database accepts writes again")
