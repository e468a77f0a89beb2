"""Jobs stored and cancelled in the caller's own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import InvalidInput, JobAlreadyExists
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.scene import NOON, RAISE, REPLACE, claim_request, new, stored, submit
from pg_scheduler.testing.contract.schedule_scene import schedule
from pg_scheduler.testing.contract.signals import listening, next_of
from tests.contract.callers import CALLERS, Caller

ONE = [new("a")]
MANY = [new(job_id) for job_id in "abcde"]


SELDOM = ("asyncpg AsyncConnection over psycopg", "asyncpg Session")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SELDOM)) for name in CALLERS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def caller(kind: str, dsn: str) -> AsyncIterator[Caller]:
    """Somebody's open transaction."""
    async with CALLERS[kind](dsn) as caller:
        yield caller


@pytest.fixture
async def driver(kind: str, dsn: str) -> AsyncIterator[Driver]:
    """A driver beside the caller's connection: of his library, or of the other one."""
    driver = driver_over(dsn, library="psycopg" if kind.startswith("psycopg") else "asyncpg")
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


def enqueue(
    driver: Driver, caller: Caller, jobs: list[NewJob], conflict: ConflictResolution = RAISE
) -> Awaitable[list[Submission]]:
    """In the caller's transaction, in batches of two."""
    return driver.jobs.submit(jobs, conflict, now=NOON, connection=caller.connection, batch_size=2)


@pytest.mark.parametrize("jobs", [ONE, MANY], ids=["one", "many"])
class TestEnqueueing:
    async def test_a_rollback_leaves_no_job(self, driver: Driver, caller: Caller, jobs: list[NewJob]) -> None:
        assert await enqueue(driver, caller, jobs) == [Submission.INSERTED] * len(jobs)
        await caller.rollback()
        assert await driver.insight.jobs() == []

    async def test_nothing_is_seen_before_the_commit(
        self, driver: Driver, caller: Caller, jobs: list[NewJob]
    ) -> None:
        await enqueue(driver, caller, jobs)
        assert await driver.insight.jobs() == []
        assert await driver.insight.job("a", connection=caller.connection) is not None
        await caller.commit()
        assert [job.job_id for job in await driver.insight.jobs()] == [job.job_id for job in jobs]

    async def test_the_commit_wakes_a_listener_and_nothing_before_it(
        self, driver: Driver, caller: Caller, jobs: list[NewJob]
    ) -> None:
        async with listening(driver) as heard:
            await enqueue(driver, caller, jobs)
            # Signals arrive in the order of their commits: had the enqueueing been told, it came first.
            await submit(driver, new("z"))
            await driver.jobs.claim_job("z", claim_request(), now=NOON)
            await next_of(heard, SignalKind.DUE)
            await driver.jobs.request_cancel(["z"], now=NOON)
            async with asyncio.timeout(10):
                assert await heard.get() is SignalKind.CANCEL
            await caller.commit()
            await next_of(heard, SignalKind.DUE)

    async def test_the_commit_also_tells_of_what_may_be_due_by_then(
        self, driver: Driver, caller: Caller, jobs: list[NewJob]
    ) -> None:
        """Nobody knows how long the transaction stays open, and its signals leave when it is committed."""
        async with listening(driver) as heard:
            in_an_hour = [replace(job, execution_time=NOON + timedelta(hours=1)) for job in jobs]
            await enqueue(driver, caller, in_an_hour)
            await caller.commit()
            await next_of(heard, SignalKind.DUE)

    async def test_a_refusal_leaves_the_transaction_usable(
        self, driver: Driver, caller: Caller, jobs: list[NewJob]
    ) -> None:
        await submit(driver, jobs[-1])
        await enqueue(driver, caller, [new("before")])
        with pytest.raises(JobAlreadyExists):
            await enqueue(driver, caller, jobs)
        assert await caller.value_of("SELECT 42") == 42
        await enqueue(driver, caller, [new("after")])
        await caller.commit()
        kept = {job.job_id for job in await driver.insight.jobs()}
        assert kept == {"before", "after", jobs[-1].job_id}


class TestTheCallersOwnRows:
    async def test_a_job_can_be_replaced_where_it_was_just_stored(
        self, driver: Driver, caller: Caller
    ) -> None:
        assert await enqueue(driver, caller, MANY, REPLACE) == [Submission.INSERTED] * 5
        assert await enqueue(driver, caller, [new("a", rank=1)], REPLACE) == [Submission.REPLACED]
        await caller.commit()
        assert (await stored(driver, "a")).rank == 1

    async def test_a_cancellation_is_undone_with_the_transaction(
        self, driver: Driver, caller: Caller
    ) -> None:
        await submit(driver, *MANY)
        asked = ["b", "a"]
        answers = await driver.jobs.request_cancel(asked, now=NOON, connection=caller.connection)
        assert answers == [CancelAnswer.CANCELLED] * 2
        assert (await stored(driver, "a")).status is JobStatus.PENDING
        await caller.rollback()
        assert (await stored(driver, "a")).status is JobStatus.PENDING

    async def test_a_schedule_is_there_with_the_commit_and_seen_from_inside_before(
        self, driver: Driver, caller: Caller
    ) -> None:
        store = driver.schedules
        await store.put_schedule(schedule("old"), now=NOON)
        async with listening(driver) as heard:
            for wanted in (schedule("new"), schedule("old", rank=7), schedule("new", rank=7)):
                await store.put_schedule(wanted, now=NOON, connection=caller.connection)
            (inside,) = await store.list_schedules(["new"], connection=caller.connection)
            assert (inside.new.key, inside.new.rank) == ("new", 7)
            assert [(one.new.key, one.new.rank) for one in await store.list_schedules()] == [("old", 5)]
            await caller.commit()
            await next_of(heard, SignalKind.SCHEDULE)
        found = [(one.new.key, one.new.rank) for one in await store.list_schedules()]
        assert found == [("new", 7), ("old", 7)]

    async def test_a_job_stored_and_cancelled_in_one_transaction_is_cancelled(
        self, driver: Driver, caller: Caller
    ) -> None:
        await enqueue(driver, caller, ONE)
        await driver.jobs.request_cancel(["a"], now=NOON, connection=caller.connection)
        await caller.commit()
        assert (await stored(driver, "a")).status is JobStatus.CANCELLED


async def test_what_is_no_connection_is_refused(dsn: str, library: Library) -> None:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    over = await asyncpg.connect(dsn)
    await over.close()
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        async with pool.acquire() as given_back:
            pass
        for connection in (over, given_back, pool, object(), dsn):
            for call in (
                driver.jobs.submit(ONE, RAISE, now=NOON, connection=connection),
                driver.jobs.submit(MANY, RAISE, now=NOON, connection=connection),
                driver.jobs.request_cancel(["a"], now=NOON, connection=connection),
                driver.insight.job("a", connection=connection),
            ):
                with pytest.raises(InvalidInput, match="connection: "):
                    await call
    assert await driver.insight.jobs() == []
    await driver.close()
