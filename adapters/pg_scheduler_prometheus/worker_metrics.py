"""What one worker process does, as Prometheus metrics."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
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
from pg_scheduler_prometheus.labels import BoundedNames

LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
RUN_BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
"""Seconds."""
OF_JOBS = ("queue", "task")
MOST_NAMES = 200
"""Queues, and tasks, that have series of their own in one process; all further ones are `other`."""


class WorkerMetrics:
    """An observer that counts. Give it to one scheduler: ``Scheduler(dsn, observers=[WorkerMetrics()])``.

    What it counts is of this process; sum over the instances. `registry` is the program's own, by default the
    usual one of prometheus_client, which ``prometheus_client.start_http_server(9187)`` serves.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY, *, most_names: int = MOST_NAMES) -> None:
        self._queues, self._tasks = BoundedNames(most_names), BoundedNames(most_names)
        self._stored = Counter(
            "pg_scheduler_jobs_stored", "Jobs that this process has stored.", OF_JOBS, registry=registry
        )
        self._attempts = Counter(
            "pg_scheduler_attempts",
            "Attempts that have ended here, by how.",
            (*OF_JOBS, "outcome"),
            registry=registry,
        )
        self._running = Gauge(
            "pg_scheduler_jobs_running", "Jobs that run here now.", OF_JOBS, registry=registry
        )
        self._lag = Histogram(
            "pg_scheduler_lag_seconds",
            "From when a job was due to the start of its attempt.",
            OF_JOBS,
            buckets=LAG_BUCKETS,
            registry=registry,
        )
        self._run = Histogram(
            "pg_scheduler_run_seconds",
            "From the start of an attempt to its verdict.",
            OF_JOBS,
            buckets=RUN_BUCKETS,
            registry=registry,
        )
        self._expired = Counter(
            "pg_scheduler_jobs_expired", "Jobs that a claim found too late to start.", registry=registry
        )
        self._lost = Counter(
            "pg_scheduler_leases_lost",
            "Attempts that were stopped here because their lease was lost.",
            registry=registry,
        )
        self._reclaimed = Counter(
            "pg_scheduler_jobs_reclaimed",
            "Jobs taken back from workers that had gone silent.",
            registry=registry,
        )
        self._failures = Counter(
            "pg_scheduler_round_failures",
            "Rounds of a worker's services that failed and are tried again, by the error's class.",
            ("service", "error"),
            registry=registry,
        )
        self._listening = Gauge(
            "pg_scheduler_listening", "1 while signals arrive, 0 while the worker polls.", registry=registry
        )
        self._up = Gauge("pg_scheduler_worker_up", "1 while the worker runs.", registry=registry)

    def observe(self, event: WorkerEvent) -> None:
        """Count."""
        match event:
            case JobsStarted():
                self._note_started(event)
            case AttemptsSettled():
                self._note_settled(event)
            case JobsStored(jobs):
                for labels, number in self._tally((job.queue, job.task_name) for job in jobs):
                    self._stored.labels(*labels).inc(number)
            case JobsExpired(job_ids):
                self._expired.inc(len(job_ids))
            case AttemptLost():
                self._lost.inc()
            case JobReclaimed():
                self._reclaimed.inc()
            case RoundFailed(service, error):
                self._failures.labels(service, type(error).__name__).inc()
            case ListeningChanged(listening):
                self._listening.set(listening)
            case WorkerStarted():
                self._up.set(1)
            case WorkerStopped():
                self._up.set(0)
                self._listening.set(0)

    def _note_started(self, event: JobsStarted) -> None:
        for job in event.jobs:
            labels = self._queues.label(job.queue), self._tasks.label(job.task_name)
            self._running.labels(*labels).inc()
            self._lag.labels(*labels).observe(event.lag(job).total_seconds())

    def _note_settled(self, event: AttemptsSettled) -> None:
        for job, verdict, took, accepted, began in event.attempts:
            labels = self._queues.label(job.queue), self._tasks.label(job.task_name)
            outcome = ATTEMPT_OUTCOMES.get(verdict.event, str(verdict.event)) if accepted else "refused"
            self._attempts.labels(*labels, outcome).inc()
            if began:
                self._running.labels(*labels).dec()
                self._run.labels(*labels).observe(took)

    def _tally(self, names: Iterable[tuple[str, str]]) -> Iterable[tuple[tuple[str, str], int]]:
        found = Tally(names)
        return (
            ((self._queues.label(queue), self._tasks.label(task)), number)
            for (queue, task), number in found.items()
        )
