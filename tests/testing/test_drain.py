"""Running due jobs in a test."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from pg_scheduler import (
    Job,
    JobPriority,
    JobStatus,
    PgQueuer,
    Queries,
    Scheduler,
    Snooze,
    SyncQueries,
    SyncScheduler,
    task,
)
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.entrypoints.application import App
from pg_scheduler.testing import LeftBehind, ManualClock, MemoryDriver, drain, drain_sync, live_through
from pg_scheduler_embedded import EmbeddedServer
from tests.support.databases import give_back, new_database

ran: list[str] = []


async def note(what: str) -> None:
    ran.append(what)


async def fails() -> None:
    raise OSError("gone")


@task(executor="thread")
def in_a_thread() -> str:
    return "done"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    ran.clear()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def scheduler(clock: ManualClock) -> Scheduler:
    return Scheduler(MemoryDriver(), clock=clock)


async def test_nothing_due_is_nothing_drained(scheduler: Scheduler, clock: ManualClock) -> None:
    assert await drain(scheduler) == []
    await scheduler.schedule(note, execution_time=clock.now() + timedelta(seconds=1), args=("later",))
    assert await drain(scheduler) == []
    await clock.advance(1)
    assert [drained.completed for drained in await drain(scheduler)] == [True]
    assert await drain(scheduler) == []
    assert ran == ["later"]


async def test_due_jobs_run_most_urgent_first(scheduler: Scheduler, clock: ManualClock) -> None:
    for what, priority, seconds in (
        ("low", JobPriority.LOW, 3),
        ("late", JobPriority.HIGH, 1),
        ("early", JobPriority.HIGH, 2),
        ("urgent", JobPriority.CRITICAL, 0),
    ):
        when = clock.now() - timedelta(seconds=seconds)
        await scheduler.schedule(note, execution_time=when, args=(what,), priority=priority)
    await drain(scheduler)
    assert ran == ["urgent", "early", "late", "low"]


async def test_more_jobs_than_slots_are_all_run(scheduler: Scheduler, clock: ManualClock) -> None:
    for number in range(100):
        await scheduler.schedule(note, execution_time=clock.now(), args=(str(number),))
    assert len(await drain(scheduler)) == len(ran) == 100


async def test_what_a_job_schedules_for_now_is_run_too(scheduler: Scheduler, clock: ManualClock) -> None:
    async def chain(links: int) -> None:
        ran.append(str(links))
        if links:
            await scheduler.schedule(chain, execution_time=clock.now(), args=(links - 1,))

    await scheduler.schedule(chain, execution_time=clock.now(), args=(3,))
    assert [drained.job.task_name for drained in await drain(scheduler)] == [
        scheduler.task_for(chain).name
    ] * 4
    assert ran == ["3", "2", "1", "0"]


async def test_jobs_that_schedule_each_other_for_ever_end_in_an_error(
    scheduler: Scheduler, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def again() -> None:
        await scheduler.schedule(again, execution_time=clock.now())

    # By its module: the package shows the function under the same name.
    monkeypatch.setattr(sys.modules[drain.__module__], "MAX_ATTEMPTS", 20)
    await scheduler.schedule(again, execution_time=clock.now())
    with pytest.raises(RuntimeError, match="more than 20 attempts: do the jobs schedule each other"):
        await drain(scheduler)


async def test_a_failure_is_an_answer_and_not_an_error(scheduler: Scheduler, clock: ManualClock) -> None:
    handle = await scheduler.schedule(fails, execution_time=clock.now(), max_retries=1)
    (first,) = await drain(scheduler)
    assert not first.completed
    assert (first.verdict.event, first.verdict.delay) == (JobEvent.RETRY, timedelta(seconds=60))
    assert first.verdict.error_message == "OSError: gone"
    await clock.advance(59)
    assert await drain(scheduler) == []
    await clock.advance(1)
    (second,) = await drain(scheduler)
    assert (second.verdict.event, second.job.attempt, second.job.retry_count) == (JobEvent.FAIL, 2, 1)
    assert await handle.status() is JobStatus.FAILED


async def test_retries_come_at_their_own_instants(scheduler: Scheduler, clock: ManualClock) -> None:
    start = clock.now()
    await scheduler.schedule(fails, execution_time=start, max_retries=4)
    lived = await live_through(scheduler, clock, timedelta(hours=1))
    since = [(drained.job.execution_time - start).total_seconds() for drained in lived]
    assert since == [0, 60, 60 + 120, 60 + 120 + 240, 60 + 120 + 240 + 300]
    assert clock.now() == start + timedelta(hours=1)


async def test_a_snoozed_job_waits_for_its_time(scheduler: Scheduler, clock: ManualClock) -> None:
    async def snoozes_once() -> None:
        ran.append("tried")
        if len(ran) == 1:
            raise Snooze(timedelta(minutes=5))

    handle = await scheduler.schedule(snoozes_once, execution_time=clock.now())
    assert [drained.verdict.event for drained in await drain(scheduler)] == [JobEvent.SNOOZE]
    await clock.advance(timedelta(minutes=5))
    assert [drained.job.attempt for drained in await drain(scheduler)] == [1]
    assert await handle.status() is JobStatus.COMPLETED


async def test_a_function_for_a_thread_runs_in_one(scheduler: Scheduler, clock: ManualClock) -> None:
    handle = await scheduler.schedule(in_a_thread, execution_time=clock.now(), store_result=True)
    assert [drained.completed for drained in await drain(scheduler)] == [True]
    assert await handle.result() == "done"
    await scheduler.shutdown()


async def test_a_job_that_is_too_late_expires_and_is_not_run(
    scheduler: Scheduler, clock: ManualClock
) -> None:
    handle = await scheduler.schedule(note, execution_time=clock.now(), args=("late",), misfire_grace_time=60)
    await clock.advance(61)
    assert await drain(scheduler) == []
    assert await handle.status() is JobStatus.EXPIRED
    assert ran == []


async def test_a_job_of_an_unknown_task_stays_where_it_is(scheduler: Scheduler, clock: ManualClock) -> None:
    handle = await scheduler.schedule("somewhere.else:job", execution_time=clock.now())
    with pytest.warns(LeftBehind, match=r"tasks that are not known here: 'somewhere.else:job' \(1\)"):
        assert await drain(scheduler) == []
    assert await handle.status() is JobStatus.PENDING


async def test_a_started_scheduler_drains_by_itself(scheduler: Scheduler) -> None:
    async with scheduler:
        with pytest.raises(RuntimeError, match="for a scheduler that is not started"):
            await drain(scheduler)
    assert await drain(scheduler) == []


async def test_two_schedulers_on_one_driver_share_their_jobs(clock: ManualClock) -> None:
    driver = MemoryDriver()
    web, worker = Scheduler(driver, clock=clock), Scheduler(driver, clock=clock)
    handle = await web.schedule(note, execution_time=clock.now(), args=("shared",))
    with pytest.warns(LeftBehind):
        assert await drain(worker) == []
    worker.register(note)
    assert [drained.job.job_id for drained in await drain(worker)] == [handle]
    assert await drain(web) == []
    assert await handle.status() is JobStatus.COMPLETED


async def test_an_application_is_drained_like_its_scheduler() -> None:
    pgq = PgQueuer.in_memory()
    seen: list[bytes | None] = []

    @pgq.entrypoint("mail")
    async def mail(job: Job) -> None:
        seen.append(job.payload)

    await pgq.queries.enqueue("mail", b"hello")
    assert [one.completed for one in await drain(pgq)] == [True]
    assert seen == [b"hello"]
    clock = ManualClock()
    assert await live_through(PgQueuer(Scheduler(MemoryDriver(), clock=clock)), clock, timedelta(1)) == []


async def test_what_an_attempt_raised_is_raised_if_wanted(scheduler: Scheduler, clock: ManualClock) -> None:
    await scheduler.schedule(note, execution_time=clock.now(), args=("other",))
    job = await scheduler.schedule(fails, execution_time=clock.now(), max_retries=1)
    with pytest.raises(OSError, match="gone") as raised:
        await drain(scheduler, raise_errors=True)
    assert raised.value.__notes__ == [
        f"raised by job {str(job)!r} of task {__name__ + ':fails'!r}, attempt 1"
    ]
    assert raised.traceback[-1].name == "fails"
    assert ran == ["other"]
    await clock.advance(timedelta(minutes=1))
    (again,) = await drain(scheduler)
    assert isinstance(again.error, OSError)
    assert await drain(scheduler, raise_errors=True) == []


async def test_what_several_attempts_raised_is_raised_together(scheduler: Scheduler) -> None:
    for _ in range(2):
        await scheduler.enqueue(fails)
    await scheduler.enqueue(note, "fine")
    with pytest.raises(ExceptionGroup, match="2 of 3 attempts failed") as raised:
        await drain(scheduler, raise_errors=True)
    assert [type(error) for error in raised.value.exceptions] == [OSError, OSError]


async def test_a_failure_before_the_function_is_called_is_raised_too(clock: ManualClock) -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver, clock=clock)
    job = await scheduler.schedule(note, execution_time=clock.now(), args=("x",))
    row = driver.state.jobs[str(job)]
    row.new = replace(row.new, task_data="no JSON")
    with pytest.raises(ValueError, match="Expecting value") as raised:
        await drain(scheduler, raise_errors=True)
    assert raised.value.__notes__


async def test_a_snooze_is_no_error(scheduler: Scheduler) -> None:
    async def later() -> None:
        raise Snooze(timedelta(seconds=60))

    await scheduler.enqueue(later)
    assert len(await drain(scheduler, raise_errors=True)) == 1


@pytest.mark.parametrize("of", ["app", "queries", "own queries", "sync"])
async def test_any_client_drains_what_stands_over_its_driver(of: str) -> None:
    driver, ran_here = MemoryDriver(), list[bytes | None]()
    app = PgQueuer(driver)
    clients: dict[str, App | Queries | SyncQueries] = {
        "app": app,
        "queries": app.queries,
        "own queries": Queries(driver),
        "sync": SyncQueries(driver),
    }

    @app.entrypoint("mail")
    async def mail(job: Job) -> None:
        ran_here.append(job.payload)

    SyncQueries(driver).enqueue("mail", b"now")
    await Queries(driver).enqueue("mail", b"too")
    assert [one.completed for one in await drain(clients[of])] == [True, True]
    assert ran_here == [b"now", b"too"]


async def test_several_applications_over_one_driver_drain_together() -> None:
    driver, ran_here = MemoryDriver(), list[str]()
    first, second = PgQueuer(driver), PgQueuer(driver)

    @first.entrypoint("first")
    async def begin(job: Job) -> None:
        ran_here.append("first")
        await first.queries.enqueue("second")

    @second.entrypoint("second")
    async def go_on(job: Job) -> None:
        ran_here.append("second")

    await first.queries.enqueue("first")
    await drain(Queries(driver))
    assert ran_here == ["first", "second"]


async def test_a_client_that_knows_no_functions_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match=r"SyncQueries knows no functions.*app = PgQueuer\(driver\)"):
        await drain(SyncQueries(MemoryDriver()))
    with pytest.raises(InvalidInput, match="expected a Scheduler, an application or a client"):
        await drain(MemoryDriver())  # type: ignore[arg-type]


def test_a_blocking_scheduler_drains_what_was_scheduled_there(clock: ManualClock) -> None:
    scheduler = SyncScheduler(MemoryDriver(), clock=clock)
    scheduler.schedule(note, args=("now",))
    scheduler.schedule(in_a_thread, delay=60)
    job = scheduler.using(delay=30).enqueue_sync(note, "later")
    assert len(drain_sync(scheduler)) == 1
    asyncio.run(clock.advance(60))
    assert [one.completed for one in drain_sync(scheduler, raise_errors=True)] == [True, True]
    assert ran == ["now", "later"]
    assert scheduler.wait(job) is JobStatus.COMPLETED


def test_the_blocking_drain_works_over_postgresql(server: EmbeddedServer, clock: ManualClock) -> None:
    dsn = asyncio.run(new_database(server))
    scheduler = SyncScheduler(dsn, clock=clock)
    scheduler.schedule(fails, execution_time=clock.now() + timedelta(hours=1))
    assert drain_sync(scheduler) == []
    asyncio.run(clock.advance(timedelta(hours=1)))
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            drain_sync(scheduler, raise_errors=True)
        scheduler.schedule(fails)
    scheduler.close()
    asyncio.run(give_back(server, dsn))
