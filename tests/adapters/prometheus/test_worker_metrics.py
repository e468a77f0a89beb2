"""Metrics of a worker, as a scrape shows them."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from pg_scheduler import JobSpec, Scheduler
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.ports.worker_events import AttemptsSettled, Ended, JobsStarted
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from pg_scheduler.testing.contract.scene import NOON, claimed, new, submit
from pg_scheduler_prometheus import WorkerMetrics
from pg_scheduler_prometheus.labels import OTHER


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """As a scrape tells it."""
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            if sample.name == name and sample.labels.items() >= labels.items():
                return float(sample.value)
    return None


async def fine() -> None: ...


async def fails() -> None:
    raise ValueError("no")


async def test_what_a_worker_does_is_counted_by_queue_task_and_outcome(registry: CollectorRegistry) -> None:
    clock = ManualClock()
    scheduler = Scheduler(MemoryDriver(), clock=clock, observers=[WorkerMetrics(registry)])
    await scheduler.schedule_bulk([JobSpec(fine, clock.now(), queue="mail") for _ in range(3)])
    await scheduler.schedule_bulk([JobSpec(fails, clock.now())])
    await clock.advance(7)
    await drain(scheduler)
    task = f"{__name__}:fine"
    assert value(registry, "pg_scheduler_jobs_stored_total", queue="mail", task=task) == 3
    assert value(registry, "pg_scheduler_attempts_total", task=task, outcome="completed") == 3
    assert value(registry, "pg_scheduler_attempts_total", queue="default", outcome="failed") == 1
    assert value(registry, "pg_scheduler_jobs_running", task=task) == 0
    assert value(registry, "pg_scheduler_lag_seconds_sum", task=task) == 21
    assert value(registry, "pg_scheduler_lag_seconds_bucket", task=task, le="10.0") == 3
    assert value(registry, "pg_scheduler_lag_seconds_bucket", task=task, le="5.0") == 0
    assert value(registry, "pg_scheduler_run_seconds_count", task=task) == 3


async def test_a_running_worker_is_up_and_listens(registry: CollectorRegistry, dsn: str) -> None:
    from tests.support.running import eventually

    async with Scheduler.connect(dsn, observers=[WorkerMetrics(registry)]):
        await eventually(lambda: value(registry, "pg_scheduler_listening") == 1)
        assert value(registry, "pg_scheduler_worker_up") == 1
    assert (value(registry, "pg_scheduler_listening"), value(registry, "pg_scheduler_worker_up")) == (0, 0)


async def test_names_beyond_the_bound_share_one_series(registry: CollectorRegistry) -> None:
    """A name in a row must not make series without end."""
    scheduler = Scheduler(MemoryDriver(), observers=[WorkerMetrics(registry, most_names=2)])
    for name in ("a", "b", "c", "d"):
        await scheduler.enqueue(name)
    assert value(registry, "pg_scheduler_jobs_stored_total", task="a") == 1
    assert value(registry, "pg_scheduler_jobs_stored_total", task=OTHER) == 2
    assert value(registry, "pg_scheduler_jobs_stored_total", task="d") is None


async def test_names_full_of_quotes_are_escaped(registry: CollectorRegistry) -> None:
    name = 'a"b\\c {}'
    await Scheduler(MemoryDriver(), observers=[WorkerMetrics(registry)]).enqueue(name)
    assert value(registry, "pg_scheduler_jobs_stored_total", task=name) == 1


async def test_what_never_began_here_is_not_taken_from_what_runs(registry: CollectorRegistry) -> None:
    metrics, driver = WorkerMetrics(registry), MemoryDriver()
    await submit(driver, new())
    job = await claimed(driver)
    metrics.observe(JobsStarted([job], NOON))
    for verdict in (Verdict(JobEvent.RELEASE, recorded=False), Verdict(JobEvent.EXHAUST_CRASHES)):
        metrics.observe(AttemptsSettled([Ended(job, verdict, 0.0, True, began=False)]))
    assert value(registry, "pg_scheduler_jobs_running") == 1
    metrics.observe(AttemptsSettled([Ended(job, Verdict(JobEvent.COMPLETE), 0.0, False)]))
    assert value(registry, "pg_scheduler_jobs_running") == 0
    assert value(registry, "pg_scheduler_attempts_total", outcome="refused") == 1
