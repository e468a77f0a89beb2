"""What happens to a running attempt when its lease is lost, or when somebody wants it stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable

from pg_scheduler.domain.model import Lease
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import StopReason
from pg_scheduler.ports.worker_events import AttemptLost, CancelRequested, WorkerEvent

log: logging.Logger = logging.getLogger(__name__)


class AttemptStopper:
    """Stops attempts for what the lease keeper learns about their leases."""

    def __init__(self, active: ActiveAttempts, emit: Callable[[WorkerEvent], None]) -> None:
        self._active = active
        self._emit = emit

    def lease_lost(self, lease: Lease) -> None:
        """The store gave the job away: stop the attempt, whose verdict would be refused."""
        attempt = self._active.find(lease)
        if attempt is None or attempt.decided:
            return  # its verdict is on the way, and the fence will judge it
        if attempt.completion is not None:
            return  # most likely it is completed; what became of that is asked when its function ends
        log.warning("job %r: lease lost; stopping the attempt", lease.job_id, extra={"job_id": lease.job_id})
        attempt.stop(StopReason.LEASE_LOST)
        self._emit(AttemptLost(attempt.job))

    def cancel_requested(self, lease: Lease) -> None:
        """Somebody asked for the job to be stopped."""
        attempt = self._active.find(lease)
        if attempt is not None and attempt.reason is None:
            log.info("job %r: cancelling on request", lease.job_id, extra={"job_id": lease.job_id})
            attempt.stop(StopReason.CANCEL)
            self._emit(CancelRequested(attempt.job))
