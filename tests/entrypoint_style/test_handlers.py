"""What a handler is given, where it runs, and when."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import (
    ConnectionLost,
    Context,
    InvalidInput,
    Job,
    JobFailed,
    JobStatus,
    PgQueuer,
    PollingConfig,
    Queries,
    RetryPolicy,
    TransientDatabaseError,
)
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.testing import ManualClock
from tests.entrypoint_style import tasks
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import eventually, now, within

pytestmark = pytest.mark.slow_with("psycopg")

AT_ONCE = RetryPolicy(base=timedelta(0))


async def test_a_job_tells_its_handler_everything(pgq: PgQueuer, client: Queries) -> None:
    seen: list[Job] = []

    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None:
        seen.append(job)

    before = now()
    (job_id,) = await client.enqueue("fetch", b"\x00\xff data", 3, headers={"trace": ["a", 1, None]})
    async with pgq:
        await job_id.wait(20)
    (job,) = seen
    assert job.id == job_id
    assert type(job.id) is str
    assert job.data == job.payload == b"\x00\xff data"
    assert (job.entrypoint, job.priority, job.headers) == ("fetch", 3, {"trace": ["a", 1, None]})
    assert (job.status, job.attempt, job.retry_count) == (JobStatus.RUNNING, 1, 0)
    for moment in (job.execute_after, job.created):
        assert moment is not None
        assert moment.tzinfo is not None
        assert abs(moment - before) < timedelta(minutes=1)


async def test_no_payload_is_none_and_an_empty_one_is_empty(pgq: PgQueuer, client: Queries) -> None:
    seen: dict[str, Any] = {}

    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None:
        seen[job.id] = (job.payload, job.headers)

    none, empty = await client.enqueue(["fetch", "fetch"], [None, b""], headers=[None, {}])
    async with pgq:
        await none.wait(20)
        await empty.wait(20)
    assert seen == {none: (None, {}), empty: (b"", {})}


async def test_plain_functions_run_in_threads_and_find_their_context(pgq: PgQueuer, client: Queries) -> None:
    seen = []

    @pgq.entrypoint("sync")
    def sync(job: Job) -> None:
        seen.append((threading.current_thread(), pgq.get_context(job.id).job_id == job.id))

    (handle,) = await client.enqueue("sync")
    async with pgq:
        assert await handle.wait(20) is JobStatus.COMPLETED
    ((thread, found),) = seen
    assert thread is not threading.main_thread()
    assert found


async def test_a_job_survives_the_trip_to_another_process(pgq: PgQueuer, client: Queries) -> None:
    pgq.entrypoint("describe", executor="process")(tasks.describe)
    (handle,) = await client.enqueue("describe", b"data", 2, headers={"a": [1]}, store_result=True)
    async with pgq:
        pid, *rest = await handle.result(60)
    assert pid != os.getpid()
    record = await client.job(handle)
    assert record is not None
    assert rest[:-1] == [handle, "describe", "data", 2, "running", {"a": [1]}, 1]
    assert datetime.fromisoformat(rest[-1]) == record.execution_time


async def test_a_context_is_given_to_those_who_accept_one(pgq: PgQueuer, client: Queries) -> None:
    seen = []

    @pgq.entrypoint("async", accepts_context=True)
    async def with_context(job: Job, context: Context) -> None:
        seen.append((context.job_id == job.id, context.attempt))

    @pgq.entrypoint("sync", accepts_context=True)
    def sync_with_context(job: Job, context: Context) -> None:
        seen.append((context.job_id == job.id, context.attempt))

    handles = await client.enqueue(["async", "sync"])
    async with pgq:
        for handle in handles:
            assert await handle.wait(20) is JobStatus.COMPLETED
    assert seen == [(True, 1)] * 2
    with pytest.raises(KeyError):
        pgq.get_context(handles[0])


async def test_higher_priorities_come_first_and_equal_ones_in_order(pgq: PgQueuer, client: Queries) -> None:
    order = []

    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None:
        order.append((job.priority, job.payload))

    wanted = [0, 5, -1, 5, 0]
    await client.enqueue("fetch", [b"%d" % n for n in range(5)], wanted)
    await pgq.run(mode="drain", max_concurrent_tasks=1)
    assert order == [(5, b"1"), (5, b"3"), (0, b"0"), (0, b"4"), (-1, b"2")]


async def test_a_delayed_job_starts_at_its_instant_not_at_the_next_poll(app: MakeApp) -> None:
    clock, polls_seldom = ManualClock(), PollingConfig(interval=50)
    pgq, elsewhere = app(clock=clock, polling_config=polls_seldom), app(clock=clock).queries
    started: dict[str, datetime] = {}

    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None:
        started[job.id] = clock.now()

    delay = timedelta(seconds=20)
    due = clock.now() + delay
    async with pgq:
        (relative,) = await elsewhere.enqueue("fetch", execute_after=delay)
        (absolute,) = await elsewhere.enqueue("fetch", execute_after=due)
        await _claimed_meanwhile(elsewhere, started)  # so the worker has heard of them
        await clock.advance_to(due - timedelta(seconds=1))
        await _claimed_meanwhile(elsewhere, started)
        assert not {relative, absolute} & set(started)
        await clock.advance_to(due)
        await eventually(lambda: {relative, absolute} <= set(started))
    assert (started[relative], started[absolute]) == (due, due)


async def _claimed_meanwhile(client: Queries, started: dict[str, datetime]) -> None:
    (at_once,) = await client.enqueue("fetch")
    await eventually(lambda: at_once in started)


async def test_an_entrypoints_retries_count_for_every_job_of_it(pgq: PgQueuer, client: Queries) -> None:
    attempts: list[tuple[int, int]] = []

    @pgq.entrypoint("shaky", retry=AT_ONCE, max_retries=2)
    async def shaky(job: Job) -> None:
        attempts.append((job.attempt, job.retry_count))
        raise ValueError("not yet")

    (handle,) = await client.enqueue("shaky")
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED
    assert attempts == [(1, 0), (2, 1), (3, 2)]
    assert [record.error_message for record in await client.log(handle)] == ["ValueError: not yet"] * 3


async def test_a_job_may_have_more_retries_than_its_entrypoint(app: MakeApp, client: Queries) -> None:
    pgq = app(retry_policy=AT_ONCE)
    attempts = []

    @pgq.entrypoint("shaky", retry=1)
    async def shaky(job: Job) -> None:
        attempts.append(job.attempt)
        raise ValueError

    (handle,) = await client.enqueue("shaky", max_retries=2)
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED
    assert attempts == [1, 2, 3]


async def test_a_timeout_ends_an_attempt_and_is_retried_like_any_failure(
    pgq: PgQueuer, client: Queries
) -> None:
    attempts = []

    @pgq.entrypoint("slow", timeout=0.1, retry=AT_ONCE, max_retries=1)
    async def slow(job: Job) -> None:
        attempts.append(job.attempt)
        await asyncio.sleep(3600)

    (handle,) = await client.enqueue("slow")
    async with pgq:
        with pytest.raises(JobFailed, match="JobTimeout"):
            await handle.result(20)
    assert attempts == [1, 2]


async def test_a_jobs_own_timeout_wins(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("slow", timeout=3600)
    async def slow(job: Job) -> None:
        await asyncio.sleep(3600)

    (handle,) = await client.enqueue("slow", timeout=timedelta(seconds=0.1))
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED


async def test_on_failure_is_told_once_and_only_of_the_last_attempt(pgq: PgQueuer, client: Queries) -> None:
    told: list[tuple[Job, JobFailed]] = []

    @pgq.entrypoint("shaky", retry=AT_ONCE, max_retries=1, on_failure=lambda *what: told.append(what))
    async def shaky(job: Job) -> None:
        raise ValueError(f"attempt {job.attempt}")

    (handle,) = await client.enqueue("shaky", b"data")
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED
    ((job, error),) = told
    assert (job.id, job.payload, job.status) == (handle, b"data", JobStatus.FAILED)
    assert isinstance(error, JobFailed)
    assert error.error == "ValueError: attempt 2"
    assert "in shaky" in str(error.traceback)


async def test_a_slow_on_failure_is_awaited_before_the_end(pgq: PgQueuer, client: Queries) -> None:
    told, gate = [], asyncio.Event()

    async def tell(job: Job, error: JobFailed) -> None:
        await gate.wait()
        told.append(job.id)

    @pgq.entrypoint("shaky", on_failure=tell)
    async def shaky(job: Job) -> None:
        raise ValueError

    (handle,) = await client.enqueue("shaky")
    async with pgq:
        await handle.wait(20)
        assert told == []
        gate.set()
    assert told == [handle]


async def test_an_on_failure_that_fails_harms_nobody(pgq: PgQueuer, client: Queries) -> None:
    async def tell_badly(job: Job, error: JobFailed) -> None:
        raise OSError("mail is down")

    def tell_worse(job: Job, error: JobFailed) -> None:
        raise OSError("mail is down")

    async def fail(job: Job) -> None:
        raise ValueError

    @pgq.entrypoint("fine")
    async def fine(job: Job) -> None: ...

    pgq.entrypoint("a", on_failure=tell_badly)(fail)

    @pgq.entrypoint("b", on_failure=tell_worse)
    async def fail_too(job: Job) -> None:
        raise ValueError

    failing = await client.enqueue(["a", "b"])
    async with pgq:
        for handle in failing:
            assert await handle.wait(20) is JobStatus.FAILED
        (handle,) = await client.enqueue("fine")
        assert await handle.wait(20) is JobStatus.COMPLETED


async def test_nobody_is_told_of_a_cancellation_or_a_success(pgq: PgQueuer, client: Queries) -> None:
    told: list[Any] = []
    started = asyncio.Event()

    @pgq.entrypoint("fine", on_failure=lambda *what: told.append(what))
    async def fine(job: Job) -> None:
        if job.payload:
            started.set()
            await asyncio.sleep(3600)

    done, cancelled = await client.enqueue("fine", [None, b"wait"])
    async with pgq:
        await done.wait(20)
        await within(started.wait())
        await client.mark_job_as_cancelled(cancelled)
        assert await cancelled.wait(20) is JobStatus.CANCELLED
    assert told == []


async def test_what_cannot_go_together_is_refused_where_it_is_written(pgq: PgQueuer) -> None:
    with pytest.raises(InvalidInput, match="accepts_context"):
        pgq.entrypoint("a", accepts_context=True, executor="process")
    with pytest.raises(InvalidInput, match="max_retries"):
        pgq.entrypoint("a", retry=3, max_retries=3)
    with pytest.raises(InvalidInput, match="executor"):
        pgq.entrypoint("a", executor="thread", executor_factory=object)  # type: ignore[arg-type]


async def _dies_with(client: Queries, name: str) -> None:
    """A worker takes the job of this name, and is never heard of again."""
    request = ClaimRequest("dead", [name], 1, timedelta(milliseconds=1))
    assert len((await client.driver.jobs.claim(request)).jobs) == 1


async def test_a_failure_is_told_if_the_last_one_is_the_death_of_the_worker(
    app: MakeApp, client: Queries
) -> None:
    told: list[tuple[Job, JobFailed]] = []
    observer = Listening()
    pgq = app(max_crashes=1, observers=[observer])
    pgq.entrypoint("kills", on_failure=lambda job, error: told.append((job, error)))(nothing)
    (handle,) = await client.enqueue("kills", b"data", headers={"of": "it"})
    await _dies_with(client, "kills")
    async with pgq:
        assert await handle.wait(20) is JobStatus.FAILED
        await eventually(lambda: told)
    ((job, error),) = told
    assert (job.id, job.payload, job.headers, job.status) == (handle, b"data", {"of": "it"}, JobStatus.FAILED)
    assert (error.job_id, error.status) == (handle, JobStatus.FAILED)
    assert "dead showed no sign of life" in (error.error or "")
    assert observer.heard == [(handle, JobEvent.EXHAUST_CRASHES, True)]


async def test_the_death_of_a_worker_that_is_no_failure_is_not_told_as_one(
    app: MakeApp, client: Queries
) -> None:
    told: list[object] = []
    observer = Listening()
    pgq = app(max_crashes=2, observers=[observer])
    for name in ("survives", "cancelled"):
        pgq.entrypoint(name, on_failure=lambda *what: told.append(what))(nothing)
    survives, cancelled = await client.enqueue(["survives", "cancelled"])
    for name in ("survives", "cancelled"):
        await _dies_with(client, name)
    await cancelled.cancel()
    async with pgq:
        assert await survives.wait(20) is JobStatus.COMPLETED
        assert await cancelled.wait(20) is JobStatus.CANCELLED
        await eventually(lambda: len(observer.heard) == 2)
    assert told == []
    assert sorted(observer.heard) == sorted(
        [(survives, JobEvent.COMPLETE, True), (cancelled, JobEvent.CONFIRM_CANCEL, True)]
    )


async def test_an_end_that_cannot_be_read_at_first_is_told_later(
    app: MakeApp, client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    pgq = app(max_crashes=1)
    pgq.entrypoint("kills", on_failure=lambda *what: told.append(what))(nothing)
    await client.enqueue("kills")
    await _dies_with(client, "kills")
    insight = pgq.scheduler.driver.insight
    read, failures = insight.job, iter([ConnectionLost("gone"), TransientDatabaseError("again")])

    async def at_last(job_id: str, **options: object) -> object:
        if (error := next(failures, None)) is not None:
            raise error
        return await read(job_id)

    monkeypatch.setattr(insight, "job", at_last)
    async with pgq:
        await eventually(lambda: told)
    assert len(told) == 1


async def nothing(job: Job) -> None:
    """Done at once."""


class Listening:
    """An observer that keeps what it hears of ends."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, JobEvent, bool]] = []

    def job_started(self, job: ClaimedJob) -> None:
        """Not kept."""

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        assert took >= timedelta(0)
        self.heard.append((job.job_id, verdict.event, accepted))

    def pass_finished(self, service: str) -> None:
        """Not kept."""
