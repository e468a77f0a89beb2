"""What one worker process does, as Prometheus metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric

from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.ports.worker_events import (
    AttemptLost,
    AttemptsSettled,
    JobReclaimed,
    JobsExpired,
    JobsStarted,
    JobsStored,
    ListeningChanged,
    RoundFailed,
    WorkerEvent,
    WorkerStarted,
    WorkerStopped,
)
from pg_scheduler_prometheus.families import families
from pg_scheduler_prometheus.labels import BoundedNames
from pg_scheduler_prometheus.tallies import TaskTally, WorkerTally

MOST_NAMES = 200
"""Queues, and tasks, that have series of their own in one process; all further ones are `other`."""
_OUTCOMES = {event: ATTEMPT_OUTCOMES.get(event, str(event)) for event in JobEvent}


class WorkerMetrics:
    """An observer that counts. Give it to one scheduler: ``Scheduler(dsn, observers=[WorkerMetrics()])``.

    What it counts is of this process; sum over the instances. `registry` is the program's own, by default the
    usual one of prometheus_client, which ``prometheus_client.start_http_server(9187)`` serves.
    """

    def __init__(
        self, registry: CollectorRegistry | None = REGISTRY, *, most_names: int = MOST_NAMES
    ) -> None:
        self._queues, self._names = BoundedNames(most_names), BoundedNames(most_names)
        self._tasks: dict[tuple[str, str], TaskTally] = {}
        self._worker = WorkerTally()
        if registry is not None:
            registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """What has been counted so far: a registry asks for it at each scrape, from any thread."""
        return families(dict(self._tasks), self._worker)

    def observe(self, event: WorkerEvent) -> None:
        """Count."""
        worker = self._worker
        match event:
            case JobsStarted():
                self._note_started(event)
            case AttemptsSettled():
                self._note_settled(event)
            case JobsStored(jobs):
                for (queue, task), number in Counter((job.queue, job.task_name) for job in jobs).items():
                    self._of(queue, task).stored += number
            case JobsExpired(job_ids):
                worker.expired += len(job_ids)
            case AttemptLost():
                worker.lost += 1
            case JobReclaimed():
                worker.reclaimed += 1
            case RoundFailed(service, error):
                worker.failures[service, type(error).__name__] += 1
            case ListeningChanged(listening):
                worker.listening = listening
            case WorkerStarted():
                worker.up = True
            case WorkerStopped():
                worker.up = worker.listening = False

    def _of(self, queue: str, task: str) -> TaskTally:
        tally = self._tasks.get((queue, task))
        if tally is None:
            labels = self._queues.label(queue), self._names.label(task)
            tally = self._tasks.setdefault(labels, TaskTally())
        return tally

    def _note_started(self, event: JobsStarted) -> None:
        at = event.at
        for job in event.jobs:
            tally = self._of(job.queue, job.task_name)
            tally.running += 1
            tally.lag.observe(max((at - job.execution_time).total_seconds(), 0.0))

    def _note_settled(self, event: AttemptsSettled) -> None:
        for job, verdict, took, accepted, began in event.attempts:
            tally = self._of(job.queue, job.task_name)
            tally.outcomes[_OUTCOMES[verdict.event] if accepted else "refused"] += 1
            if began:
                tally.running -= 1
                tally.run.observe(took)
