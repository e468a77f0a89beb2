"""What a person asks of a worker is done, wherever the worker runs and whether or not signals arrive."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pg_scheduler import PollingConfig, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WishAnswer, WorkerProfile, WorkerState
from pg_scheduler.queries import Queries
from pg_scheduler.testing import MemoryDriver
from tests.support.running import eventually, past

POLLING = PollingConfig(listen=False, interval_without_listen=0.05)


async def nothing() -> None:
    pass


async def state_of(scheduler: Scheduler) -> WorkerState | None:
    (worker,) = await scheduler.workers()
    return worker.state


async def test_a_quiet_worker_claims_nothing_until_it_is_resumed(dsn: str, library: Library) -> None:
    async with Queries(dsn, library=library) as outside:
        scheduler = Scheduler(dsn, library=library)
        scheduler.register(nothing, name="task")
        async with scheduler:
            await scheduler.worker.services.lease_keeper.renew_now()
            assert await outside.quiet_worker(scheduler.worker_id) is WishAnswer.CHANGED

            async def is_quiet() -> bool:
                return await state_of(scheduler) is WorkerState.QUIET

            # Not by its room: while a claim is under way for all slots there is none either.
            await eventually(is_quiet)
            async with scheduler.worker.services.claimer.claiming():
                pass  # the claim that was under way is through
            job = await scheduler.schedule("task", execution_time=past())
            scheduler.worker.services.claimer.wake()
            await scheduler.worker.services.lease_keeper.renew_now()  # time enough to begin a claim
            async with scheduler.worker.services.claimer.claiming():
                pass  # and to end it
            assert await job.status() is JobStatus.PENDING
            assert await outside.resume_worker(scheduler.worker_id) is WishAnswer.CHANGED
            assert await job.wait(45) is JobStatus.COMPLETED


async def test_what_runs_in_a_quiet_worker_goes_on() -> None:
    driver, gate = MemoryDriver(), asyncio.Event()
    scheduler = Scheduler(driver, polling_config=POLLING)
    scheduler.register(gate.wait, name="task")
    async with scheduler:
        job = await scheduler.schedule("task", execution_time=past())
        await eventually(lambda: scheduler.active_jobs)
        await scheduler.quiet_worker(scheduler.worker_id)
        await eventually(lambda: scheduler.worker.services.active.room == 0)
        gate.set()
        assert await job.wait(45) is JobStatus.COMPLETED


async def test_a_worker_that_is_to_stop_gives_its_jobs_their_grace(caplog: pytest.LogCaptureFixture) -> None:
    driver, gate = MemoryDriver(), asyncio.Event()
    scheduler = Scheduler(driver, polling_config=POLLING)
    scheduler.register(gate.wait, name="task")
    running = asyncio.create_task(scheduler.run())
    job = await scheduler.schedule("task", execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await scheduler.stop_worker(scheduler.worker_id)
    await eventually(lambda: scheduler.is_shutting_down)
    assert not running.done()
    gate.set()
    await running
    record = await driver.insight.job(str(job))
    assert record is not None
    assert record.status is JobStatus.COMPLETED
    assert "was asked to stop" in caplog.text


async def test_without_any_grace_what_runs_is_released() -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver, polling_config=POLLING)
    scheduler.register(asyncio.Event().wait, name="task")
    running = asyncio.create_task(scheduler.run(shutdown_timeout=0))
    job = await scheduler.schedule("task", execution_time=past())
    await eventually(lambda: scheduler.active_jobs)
    await scheduler.stop_worker(scheduler.worker_id)
    await running
    record = await driver.insight.job(str(job))
    assert record is not None
    assert record.status is JobStatus.PENDING


async def test_the_list_tells_what_a_worker_knows_also_what_it_comes_to_know() -> None:
    scheduler = Scheduler(
        MemoryDriver(), 7, polling_config=POLLING, queues={"mail": 2, "bulk": None}, app_version="1.4"
    )
    scheduler.reconfigure(only=["b", "a"], lease=timedelta(seconds=60))
    scheduler.register(nothing, name="a")

    async def profile() -> WorkerProfile:
        await scheduler.worker.services.lease_keeper.renew_now()
        (worker,) = await scheduler.workers()
        assert worker.profile is not None
        return worker.profile

    async with scheduler:
        first = await profile()
        assert (first.task_names, first.chosen, first.capacity) == (("a",), ("a", "b"), 7)
        assert (first.queues, first.app_version) == ({"mail": 2, "bulk": None}, "1.4")
        for name in ("late", "later"):
            scheduler.register(nothing, name=name)

            async def knows_it(name: str = name) -> bool:
                return name in (await profile()).task_names

            await eventually(knows_it)


async def test_names_travel_once_and_again_where_the_worker_was_forgotten() -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver, polling_config=POLLING)
    scheduler.register(nothing, name="a")
    async with scheduler:
        services = scheduler.worker.services
        await services.lease_keeper.renew_now()
        assert services.report.sign_of_life().profile is None
        await driver.jobs.forget_worker(scheduler.worker_id)
        await services.lease_keeper.renew_now()
        await services.lease_keeper.renew_now()
        (worker,) = await scheduler.workers()
        assert worker.profile is not None
        assert worker.profile.task_names == ("a",)
