"""What follows once a verdict has been answered: others may run now, and unkept jobs are deleted."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pg_scheduler.domain.states import JobStatus, transition
from pg_scheduler.engine.events import Event, Events
from pg_scheduler.engine.observers import Observers
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.tasks.registry import TaskRegistry

log: logging.Logger = logging.getLogger(__name__)


class AfterSettling:
    """Emits the events of settled attempts."""

    def __init__(self, *, events: Events, observers: Observers, prune: bool, registry: TaskRegistry) -> None:
        self._events = events
        self._observers = observers
        self._prune = prune
        self._registry = registry

    def completed(self, attempts: Sequence[Attempt]) -> None:
        """As `settled`, for many that simply completed and whose verdicts were accepted."""
        if self._observers.any:
            self._observers.attempts_settled(attempts, True)
        if self._registry.waits_for_ends or log.isEnabledFor(logging.DEBUG):
            for attempt in attempts:
                self._settled(attempt, True)
            return
        if any(attempt.job.lane is not None for attempt in attempts):
            self._events.emit(Event.LANE_FREED)
        if any(attempt.job.schedule_key is not None for attempt in attempts):
            self._events.emit(Event.SCHEDULED_RUN_ENDED)

    def settled(self, attempt: Attempt, accepted: bool) -> None:
        """A verdict has been answered: others may run now, and what is not kept may go."""
        self._settled(attempt, accepted)
        if self._observers.any:
            self._observers.attempts_settled([attempt], accepted)

    def _settled(self, attempt: Attempt, accepted: bool) -> None:
        job, verdict, took = attempt.job, attempt.verdict, attempt.took
        if log.isEnabledFor(logging.DEBUG):
            facts = {"job_id": job.job_id, "event": verdict.event, "seconds": took}
            log.debug("job %r settled: %s", job.job_id, verdict.event, extra=facts)
        step = transition(JobStatus.RUNNING, verdict.event)
        if step is not None and step.target is JobStatus.PENDING:
            self._events.emit(Event.ATTEMPT_TO_REPEAT)
        elif step is not None and accepted:
            self._registry.job_ended(job.task_name, job.job_id)
        if job.lane is not None:
            self._events.emit(Event.LANE_FREED)
        if accepted and self._prune and attempt.completion is not None:
            self._events.emit(Event.COMPLETED_ELSEWHERE)
        if job.schedule_key is not None:
            self._events.emit(Event.SCHEDULED_RUN_ENDED)
