"""What a database holds, as a scrape shows it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from pg_scheduler.domain.workers import SignOfLife, WorkerProfile, WorkerState
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler.testing.contract.asking_workers import renew
from pg_scheduler.testing.contract.scene import NOON, at, new, started, submit
from pg_scheduler_prometheus import DatabaseMetrics
from pg_scheduler_prometheus.exposition import of_one


def samples(metrics: DatabaseMetrics) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return {
        (sample.name.removeprefix("pg_scheduler_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(of_one(metrics).decode())
        for sample in family.samples
    }


async def test_a_refresh_tells_all_and_names_that_nobody_knows_make_no_series() -> None:
    driver = MemoryDriver()
    says = SignOfLife(WorkerState.WORKING, True, WorkerProfile(("task",), capacity=5))
    await renew(driver, says=says)
    await started(driver, "runs", limit_key="key")
    await submit(driver, new("1"), new("2", due=at(-30)), new("3", due=at(60)), new("4", queue="m"))
    await submit(driver, *(new(f"x{n}", task=f'evil"\n{n}', due=at(-100)) for n in range(50)))
    metrics = DatabaseMetrics(driver, ManualClock(NOON))
    assert samples(metrics) == {("database_up",): 0.0}
    await metrics.refresh()
    found = samples(metrics)
    expected = {
        ("database_up",): 1, ("jobs", "default", "due", "task"): 2,
        ("jobs", "default", "scheduled", "task"): 1, ("jobs", "default", "running", "task"): 1,
        ("jobs", "m", "due", "task"): 1, ("jobs", "default", "due", "other"): 50,
        ("oldest_due_seconds", "default", "task"): 30, ("oldest_due_seconds", "default", "other"): 100,
        ("lanes_in_use", "task"): 1, ("workers", "working"): 1, ("workers", "silent"): 0,
        ("schedules_late",): 0, ("problems", "unclaimed", "error"): 21,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert {key[3] for key in found if key[0] == "jobs"} == {"task", "other"}


async def test_queues_without_end_are_other() -> None:
    driver = MemoryDriver()
    await submit(driver, *(new(f"{n:03}", queue=f"q{n:03}") for n in range(300)))
    metrics = DatabaseMetrics(driver, ManualClock(NOON), most_names=10)
    await metrics.refresh()
    found = {key: value for key, value in samples(metrics).items() if key[0] == "jobs" and key[2] == "due"}
    assert (len(found), found["jobs", "other", "due", "other"]) == (11, 290)


async def test_what_was_true_is_not_told_where_the_database_does_not_answer() -> None:
    driver = MemoryDriver()
    metrics = DatabaseMetrics(driver, ManualClock(NOON))
    await metrics.refresh()
    metrics.forget()
    assert samples(metrics) == {("database_up",): 0.0}
