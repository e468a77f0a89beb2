"""What the worker does about an attempt when something happens to it: claimed, lost, cancelled, settled."""

from __future__ import annotations

import logging

from pg_scheduler.domain.model import Lease
from pg_scheduler.domain.states import JobStatus, transition
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.engine.events import Event, Events
from pg_scheduler.engine.observers import Observers
from pg_scheduler.engine.retention.pruner import Pruner
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.attempt import Attempt, StopReason

log: logging.Logger = logging.getLogger(__name__)


class AttemptEvents:
    """The life of attempts as the services report it."""

    def __init__(
        self, *, active: ActiveAttempts, events: Events, observers: Observers, pruner: Pruner, prune: bool
    ) -> None:
        self._active = active
        self._events = events
        self._observers = observers
        self._pruner = pruner
        self._prune = prune

    def lease_lost(self, lease: Lease) -> None:
        """The store gave the job away: stop the attempt, whose verdict would be refused."""
        attempt = self._active.find(lease)
        if attempt is None or attempt.decided:
            return  # its verdict is on the way, and the fence will judge it
        if attempt.completion is not None:
            return  # most likely it is completed; what became of that is asked when its function ends
        log.warning("lease lost; the attempt is stopped", extra={"job_id": lease.job_id})
        attempt.stop(StopReason.LEASE_LOST)

    def cancel_requested(self, lease: Lease) -> None:
        """Somebody wants the job to stop."""
        attempt = self._active.find(lease)
        if attempt is not None and attempt.reason is None:
            log.info("cancelling on request", extra={"job_id": lease.job_id})
            attempt.stop(StopReason.CANCEL)

    def settled(self, attempt: Attempt, verdict: Verdict, took: float, accepted: bool) -> None:
        """A verdict has been answered: others may run now, and what is not kept may go."""
        job = attempt.job
        if log.isEnabledFor(logging.DEBUG):
            log.debug("job settled", extra={"job_id": job.job_id, "event": verdict.event, "seconds": took})
        step = transition(JobStatus.RUNNING, verdict.event)
        if step is not None and step.target is JobStatus.PENDING:
            self._events.emit(Event.ATTEMPT_TO_REPEAT)
        if job.lane is not None:
            self._events.emit(Event.LANE_FREED)
        if step is not None and accepted and self._prune:
            if attempt.completion is None:
                self._pruner.settled(step.target)
            else:
                self._events.emit(Event.COMPLETED_ELSEWHERE)
        if job.schedule_key is not None:
            self._events.emit(Event.SCHEDULED_RUN_ENDED)
        self._observers.job_settled(attempt, verdict, took, accepted)
