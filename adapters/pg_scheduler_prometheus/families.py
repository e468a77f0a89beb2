"""The metrics by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from pg_scheduler_prometheus.tallies import TaskTally, WorkerTally

OF_JOBS = ("queue", "task")


def families(tasks: Mapping[tuple[str, str], TaskTally], worker: WorkerTally) -> Iterator[Metric]:
    """All of them, with what has been counted."""
    yield from _of_jobs(tasks)
    yield from _of_the_worker(worker)


def _of_jobs(tasks: Mapping[tuple[str, str], TaskTally]) -> Iterator[Metric]:
    stored = CounterMetricFamily(
        "pg_scheduler_jobs_stored", "Jobs that this process has stored.", labels=OF_JOBS
    )
    attempts = CounterMetricFamily(
        "pg_scheduler_attempts", "Attempts that have ended here, by how.", labels=(*OF_JOBS, "outcome")
    )
    running = GaugeMetricFamily("pg_scheduler_jobs_running", "Jobs that run here now.", labels=OF_JOBS)
    lag = HistogramMetricFamily(
        "pg_scheduler_lag_seconds", "From when a job was due to the start of its attempt.", labels=OF_JOBS
    )
    run = HistogramMetricFamily(
        "pg_scheduler_run_seconds", "From the start of an attempt to its verdict.", labels=OF_JOBS
    )
    for labels, tally in tasks.items():
        stored.add_metric(labels, tally.stored)
        for outcome, number in dict(tally.outcomes).items():
            attempts.add_metric((*labels, outcome), number)
        running.add_metric(labels, tally.running)
        lag.add_metric(labels, tally.lag.cumulative(), tally.lag.sum)
        run.add_metric(labels, tally.run.cumulative(), tally.run.sum)
    yield from (stored, attempts, running, lag, run)


def _of_the_worker(worker: WorkerTally) -> Iterator[Metric]:
    yield CounterMetricFamily(
        "pg_scheduler_jobs_expired", "Jobs that a claim found too late to start.", value=worker.expired
    )
    yield CounterMetricFamily(
        "pg_scheduler_leases_lost",
        "Attempts that were stopped here because their lease was lost.",
        value=worker.lost,
    )
    yield CounterMetricFamily(
        "pg_scheduler_jobs_reclaimed",
        "Jobs taken back from workers that had gone silent.",
        value=worker.reclaimed,
    )
    failures = CounterMetricFamily(
        "pg_scheduler_round_failures",
        "Rounds of a worker's services that failed and are tried again, by the error's class.",
        labels=("service", "error"),
    )
    for labels, number in dict(worker.failures).items():
        failures.add_metric(labels, number)
    yield failures
    yield GaugeMetricFamily(
        "pg_scheduler_listening", "1 while signals arrive, 0 while the worker polls.", value=worker.listening
    )
    yield GaugeMetricFamily("pg_scheduler_worker_up", "1 while the worker runs.", value=worker.up)
