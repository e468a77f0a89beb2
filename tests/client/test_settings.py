"""Settings count until the start, and cannot change unnoticed afterwards; one application has one worker."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import (
    AlreadyStarted,
    Job,
    PgQueuer,
    PollingConfig,
    QueueManager,
    Scheduler,
    SchedulerManager,
    VacuumConfig,
    VacuumPolicy,
)
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.worker import Worker
from pg_scheduler.entrypoints.failure_observer import FailureObserver
from pg_scheduler.testing import MemoryDriver
from tests.support.running import eventually, past, within


class Crowd:
    """How many run at once."""

    def __init__(self) -> None:
        self.now = self.most = self.done = 0

    async def work(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        self.done += 1


async def test_how_many_jobs_run_at_once_may_be_assigned_before_the_start() -> None:
    scheduler, crowd = Scheduler(MemoryDriver()), Crowd()
    scheduler.max_concurrent_jobs = 1
    scheduler.register(crowd.work, name="work")
    for _ in range(5):
        await scheduler.schedule("work", execution_time=past())
    async with scheduler:
        await eventually(lambda: crowd.done == 5)
    assert crowd.most == 1


SETTINGS: dict[str, tuple[Any, dict[str, Any]]] = {
    "max_concurrent_jobs": (3, {"capacity": 3}),
    "batch_claim_limit": (4, {"batch_limit": 4}),
    "polling_config": (PollingConfig(interval=7), {"polling": PollingConfig(interval=7)}),
    "vacuum_enabled": (False, {"prune": False}),
    "vacuum_config": (
        VacuumConfig(failed=VacuumPolicy.immediate(), interval_minutes=1, track_metrics=True),
        {"retention_interval": 60.0, "track_retention": True},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_setting_reaches_the_worker_and_is_fixed_while_it_runs(name: str) -> None:
    value, fields = SETTINGS[name]
    scheduler = Scheduler(MemoryDriver())
    before = getattr(scheduler, name)
    setattr(scheduler, name, value)
    async with scheduler:
        assert {field: getattr(scheduler.worker.settings, field) for field in fields} == fields
        with pytest.raises(AlreadyStarted, match=f"{name} cannot change while a worker runs") as refused:
            setattr(scheduler, name, before)
        assert isinstance(refused.value, RuntimeError)
        assert getattr(scheduler, name) == value
    setattr(scheduler, name, before)
    assert getattr(scheduler, name) == before


async def test_the_default_grace_counts_at_any_time() -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        scheduler.misfire_grace_time = 5
        job_id = await scheduler.schedule("nobody knows", execution_time=past())
        record = await scheduler.client.record(job_id)
    assert record.misfire_grace_seconds == 5


async def test_a_worker_that_could_not_start_leaves_the_settings_open() -> None:
    scheduler = Scheduler(MemoryDriver())

    async def fail() -> None:
        raise LookupError("as planned")

    scheduler.register_schedules = fail  # type: ignore[method-assign]
    with pytest.raises(LookupError):
        await scheduler.start()
    scheduler.max_concurrent_jobs = 1


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Worker]:
    """Every worker that a scheduler makes."""
    made: list[Worker] = []

    def make(*args: Any, **options: Any) -> Worker:
        made.append(Worker(*args, **options))
        return made[-1]

    monkeypatch.setattr("pg_scheduler.engine.worker.Worker", make)
    return made


async def test_one_application_builds_one_worker_and_hears_of_a_failure_once(built: list[Worker]) -> None:
    pgq = PgQueuer.in_memory()
    failed: list[str] = []
    for seconds in (20, 10, 30):

        @pgq.entrypoint(
            f"fail-{seconds}", retry_timer=seconds, on_failure=lambda job, error: failed.append(job.id)
        )
        async def fail(job: Job) -> None:
            raise LookupError("as planned")

    @pgq.schedule("nightly", "0 3 * * *")
    async def nightly(schedule: object) -> None:
        """Never within a test."""

    (handle,) = await pgq.queries.enqueue("fail-10")
    async with pgq:
        assert await within(handle.wait()) is JobStatus.FAILED
        assert pgq.scheduler.worker.settings.lease == timedelta(seconds=10)
    assert failed == [handle]
    assert len(built) == 1
    observers = [each for each in pgq.scheduler.observers if isinstance(each, FailureObserver)]
    assert len(observers) == 1


async def test_each_run_has_a_worker_of_its_own(built: list[Worker]) -> None:
    scheduler = Scheduler(MemoryDriver())
    first = scheduler.worker_id
    async with scheduler:
        assert scheduler.worker_id == first
    async with scheduler:
        assert scheduler.worker_id != first
    assert [worker.worker_id for worker in built] == [first, scheduler.worker_id]


async def test_the_identity_of_the_next_run_outlives_a_change_of_settings() -> None:
    scheduler = Scheduler(MemoryDriver())
    known = scheduler.worker_id
    assert scheduler.worker.worker_id == known
    scheduler.reconfigure(max_concurrent_jobs=2, lease=20)
    async with scheduler:
        assert (scheduler.worker_id, scheduler.worker.worker_id) == (known, known)
        assert scheduler.worker.settings.capacity == 2


@pytest.mark.parametrize("view", [QueueManager, SchedulerManager, PgQueuer])
async def test_a_running_scheduler_can_be_seen_from_the_entrypoint_style(view: Any) -> None:
    async with Scheduler(MemoryDriver()) as scheduler:
        running = scheduler.worker
        app = view(scheduler)
        assert app.scheduler is scheduler
        if isinstance(app, QueueManager | PgQueuer):
            told: asyncio.Queue[Job] = asyncio.Queue()

            @app.entrypoint("fail", on_failure=lambda job, error: told.put(job))
            async def fail(job: Job) -> None:
                raise LookupError("as planned")

            (handle,) = await app.queries.enqueue("fail")
            assert (await within(told.get())).id == handle
        assert scheduler.worker is running
