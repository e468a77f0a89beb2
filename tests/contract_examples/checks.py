"""What the text around an example promises, tried out. One check for each kind of example."""

from __future__ import annotations

import asyncio
import importlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler import Job, JobStatus, PgQueuer, Scheduler, SchedulerManager, periodic
from pg_scheduler.testing import drain
from pg_scheduler.testing.drain import Drained
from tests.contract_examples.documents import Block
from tests.contract_examples.stage import Stage
from tests.support.running import eventually, within

Check = Callable[[Stage, Block], Awaitable[None]]


def registered() -> dict[str, Any]:
    """What the example has decorated with @periodic."""
    found: dict[str, Any] = importlib.import_module("pg_scheduler.client.periodic_registry")._registered
    return found


async def a_program_runs_its_job(stage: Stage, block: Block) -> None:
    await stage.run(block)
    await stage.main()
    done = Counter(str(job.status) for job in await _jobs(stage) if job.schedule_key is None)
    assert done == {"completed": 1}
    assert not stage.started[0].is_running


async def periodic_functions_run_once_per_window(stage: Stage, block: Block) -> None:
    await stage.run(block, "" if "def " in block.text else "async def task():\n    pass\n")
    assert registered()
    replicas = [Scheduler(stage.driver, clock=stage.clock) for _ in range(3)]
    lived: list[Drained] = []
    for _ in range(13):
        for replica in replicas:
            lived += await drain(replica)
        await stage.clock.advance(timedelta(minutes=5))
    assert all(drained.completed for drained in lived)
    windows = {(drained.job.schedule_key, drained.job.schedule_window) for drained in lived}
    assert len(windows) == len(lived), "some window ran twice"
    runs = Counter(drained.job.schedule_key for drained in lived)
    for key, config in registered().items():
        assert config.interval is not None
        assert abs(runs[key] - timedelta(hours=1) / config.interval) <= 1, runs


async def periodic_jobs_are_managed(stage: Stage, block: Block) -> None:
    ran = asyncio.Event()

    @periodic(every=timedelta(days=1), dedup_key="daily")
    async def daily() -> None:
        ran.set()

    scheduler = stage.names["scheduler"] = Scheduler(stage.driver)
    stage.names["dedup_key"] = "daily"
    await scheduler.start()
    await stage.run(block)
    assert list(stage.names["periodic_jobs"]) == ["daily"]
    assert stage.names["status"]["enabled"] is True
    assert stage.names["job_id"] is not None
    await scheduler.schedules.changes_done()
    (stored,) = await scheduler.list_schedules()
    assert not stored.enabled, "it was enabled, then disabled"
    await within(ran.wait())


async def a_scheduler_is_configured(stage: Stage, block: Block) -> None:
    await stage.run(block)
    scheduler = stage.names["scheduler"]
    assert scheduler.vacuum_config is stage.names["vacuum_config"]
    async with scheduler:
        assert await scheduler.run_vacuum() is not None


async def the_application_processes_jobs_and_schedules(stage: Stage, block: Block) -> None:
    await stage.run(block)
    pgq = await stage.main()
    assert isinstance(pgq, PgQueuer)
    async with pgq:
        (handle,) = await stage.queries.enqueue("fetch", b"data")
        assert await handle.wait(20) is JobStatus.COMPLETED
        await _window_comes(pgq.scheduler, "scheduled_every_minute")


async def the_schedules_get_their_windows(stage: Stage, block: Block) -> None:
    await stage.run(block)
    stage.gate.set()
    sm = stage.pgq.sm
    if "main" in stage.names:
        sm = await within(stage.names["main"]())
        assert isinstance(sm, SchedulerManager)
    async with sm:
        await _window_comes(sm.scheduler, "fetch_db")


async def the_job_waits_for_its_time(stage: Stage, block: Block) -> None:
    before = datetime.now(UTC)
    await stage.run(block)
    (job,) = await _jobs(stage)
    assert (job.task_name, job.payload, job.rank, job.status) == ("my_task", None, 5, JobStatus.PENDING)
    assert timedelta(seconds=50) < job.execution_time - before < timedelta(seconds=90)


async def the_job_is_enqueued(stage: Stage, block: Block) -> None:
    await stage.run(block)
    (job,) = await _jobs(stage)
    assert stage.names["job_ids"] == [job.job_id]
    assert (job.task_name, job.payload, job.rank) == ("task_entrypoint", b"Job data", 0)


async def the_job_is_cancelled(stage: Stage, block: Block) -> None:
    await stage.run_the_one_before(block)
    await stage.run(block)
    assert [job.status for job in await _jobs(stage)] == [JobStatus.CANCELLED]


async def the_async_handler_really_stops(stage: Stage, block: Block) -> None:
    await stage.run(block)
    async with stage.pgq:
        (handle,) = await stage.queries.enqueue("task_entrypoint", b"Job data")
        await eventually(lambda: stage.performed)
        await stage.queries.mark_job_as_cancelled([handle])
        assert await handle.wait(20) is JobStatus.CANCELLED
    assert stage.performed == [b"Job data"]
    assert not stage.gate.is_set()


async def the_sync_handler_really_stops(stage: Stage, block: Block) -> None:
    steps: list[int] = []

    def endless() -> Any:
        while True:
            yield len(steps)

    stage.names["job_steps"] = endless()
    stage.names["perform_task"] = steps.append
    await stage.run(block)
    async with stage.pgq:
        (handle,) = await stage.queries.enqueue("sync_entrypoint")
        await eventually(lambda: steps)
        await stage.queries.mark_job_as_cancelled([handle])
        assert await handle.wait(20) is JobStatus.CANCELLED


async def the_executor_sends(stage: Stage, block: Block) -> None:
    """Also where the example only registers it: the class stands in the example before."""
    if "class " not in block.text:
        await stage.run_the_one_before(block)
    await stage.run(block)
    executor = stage.names["NotificationExecutor"]
    sent: list[tuple[str, str]] = []

    def noting(kind: str) -> Any:
        original = getattr(executor, f"send_{kind}")

        async def send(self: Any, message: str) -> None:
            await original(self, message)
            sent.append((kind, message))

        return send

    for kind in ("email", "sms"):
        setattr(executor, f"send_{kind}", noting(kind))
    if "user_notification" not in stage.pgq.scheduler.task_map:

        @stage.pgq.entrypoint("user_notification", executor_factory=executor)
        async def notify(job: Job) -> None: ...

    handles = await stage.queries.enqueue("user_notification", [b"email|hello", b"sms|you", b"no message"])
    async with stage.pgq:
        ends = [await handle.wait(20) for handle in handles]
    assert ends == [JobStatus.COMPLETED, JobStatus.COMPLETED, JobStatus.FAILED]
    assert sorted(sent) == [("email", "hello"), ("sms", "you")]


async def the_limited_entrypoint_works_off_its_jobs(stage: Stage, block: Block) -> None:
    await stage.run(block)
    (name,) = stage.pgq.scheduler.task_map
    handles = await stage.queries.enqueue(name, [None] * 6)
    async with stage.pgq:
        assert {await handle.wait(20) for handle in handles} == {JobStatus.COMPLETED}
    (limits,) = await stage.queries.limits()
    kept = limits.limits
    expected = {"requests_per_second": 10, "concurrency_limit": 4, "serialized_dispatch": True}
    (said,) = [word for word in expected if word in block.text]
    assert getattr(kept, said, expected[said]) == expected[said]


CHECKS: list[tuple[str, str, Check]] = [
    ("", "if __name__ ==", a_program_runs_its_job),
    ("2", "get_periodic_jobs", periodic_jobs_are_managed),
    ("2", "vacuum_config=vacuum_config", a_scheduler_is_configured),
    ("", "@periodic(", periodic_functions_run_once_per_window),
    ("4", "return pgq", the_application_processes_jobs_and_schedules),
    ("4", "execute_after=", the_job_waits_for_its_time),
    ("4", "job_ids =", the_job_is_enqueued),
    ("4", "mark_job_as_cancelled", the_job_is_cancelled),
    ("4", ").cancellation:", the_async_handler_really_stops),
    ("4", "cancel_called", the_sync_handler_really_stops),
    ("4", "NotificationExecutor", the_executor_sends),
    ("", ".schedule(", the_schedules_get_their_windows),
    ("4", "requests_per_second", the_limited_entrypoint_works_off_its_jobs),
    ("4", "concurrency_limit", the_limited_entrypoint_works_off_its_jobs),
    ("4", "serialized_dispatch", the_limited_entrypoint_works_off_its_jobs),
]
"""A document's number, a word of the example, and the check; the first that fits is taken."""


def check_of(block: Block) -> Check:
    """The check for an example. There must be one: an example that merely runs proves little."""
    for document, word, check in CHECKS:
        if block.document.name.startswith(document) and word in block.text:
            return check
    raise AssertionError(f"nobody checks the example at {block.where}")


async def _jobs(stage: Stage) -> Any:
    return await stage.driver.insight.jobs()


async def _window_comes(scheduler: Scheduler, name: str) -> None:
    """Its window is triggered rather than waited for: the real one comes within a minute."""
    keys = [record.new.key for record in await scheduler.driver.schedules.list_schedules()]
    (key,) = [key for key in keys if key.startswith(name)]
    job_id = await scheduler.trigger_periodic_job(key)
    assert job_id is not None

    async def completed() -> bool:
        job = await scheduler.driver.insight.job(job_id)
        return job is not None and job.status is JobStatus.COMPLETED

    await eventually(completed)
