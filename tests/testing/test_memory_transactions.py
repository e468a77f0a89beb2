"""The memory driver's transactions are joined by `connection=`, as PostgreSQL's are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from pg_scheduler import JobAlreadyExists, JobStatus, PgQueuer, Scheduler, SyncQueries
from pg_scheduler.domain.errors import InvalidInput, TransientDatabaseError
from pg_scheduler.domain.model import NewJob
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing import LeftBehind, MemoryDriver, assert_scheduled, drain
from pg_scheduler.testing.contract.signals import listening, next_of
from tests.contract import test_callers_transaction
from tests.contract.callers import Caller
from tests.contract.test_callers_transaction import TestTheCallersOwnRows, enqueue

__all__ = ["TestTheCallersOwnRows"]  # what holds for every caller holds here


class _RolledBack(Exception):
    """Ends a block without a commit."""


@dataclass(frozen=True, slots=True)
class MemoryCaller(Caller):
    """A transaction of the memory driver, as a program's own."""

    async def value_of(self, sql: str) -> Any:
        return int(sql.rpartition(" ")[2])


class TestEnqueueingInMemory(test_callers_transaction.TestEnqueueing):
    """The same, but for the order of signals: here each change tells of lanes too."""

    async def test_the_commit_wakes_a_listener_and_nothing_before_it(
        self, driver: Driver, caller: Caller, jobs: list[NewJob]
    ) -> None:
        async with listening(driver) as heard:
            await enqueue(driver, caller, jobs)
            await asyncio.sleep(0)
            assert heard.empty()
            await caller.commit()
            await next_of(heard, SignalKind.DUE)


@pytest.fixture
def driver() -> MemoryDriver:
    return MemoryDriver()


@pytest.fixture
def kind() -> str:
    return "memory"


@pytest.fixture
async def caller(driver: MemoryDriver) -> Caller:
    """A block that ends when the test says so."""
    block = driver.transaction()
    open_block = await block.__aenter__()

    async def commit() -> None:
        await block.__aexit__(None, None, None)

    async def roll_back() -> None:
        assert not await block.__aexit__(_RolledBack, _RolledBack(), None)

    return MemoryCaller(open_block, commit, roll_back)


async def remind(name: str) -> None:
    """A task."""


class Session:
    """What a program holds; hashable or not."""

    __hash__ = None  # type: ignore[assignment]


async def test_what_the_code_under_test_holds_stands_for_a_transaction(driver: MemoryDriver) -> None:
    scheduler, session = Scheduler(driver), Session()

    async def rolled_back() -> None:
        async with driver.transaction(standing_for=session):
            await scheduler.using(connection=session).enqueue(remind, "Ada")
            raise _RolledBack

    with pytest.raises(_RolledBack):
        await rolled_back()
    await assert_scheduled(scheduler, remind, count=0)
    async with driver.transaction(standing_for=session):
        await scheduler.using(connection=session).enqueue(remind, "Ada")
        await assert_scheduled(scheduler, remind, count=0)
    await assert_scheduled(scheduler, remind, args=("Ada",), count=1)
    with pytest.raises(InvalidInput, match=r"expected a transaction of the memory driver, got Session"):
        await scheduler.using(connection=session).enqueue(remind, "Ada")


async def test_a_transaction_that_is_over_is_refused(driver: MemoryDriver) -> None:
    scheduler = Scheduler(driver)
    async with driver.transaction() as connection:
        pass
    with pytest.raises(InvalidInput, match="its transaction is over"):
        await scheduler.using(connection=connection).enqueue(remind, "Ada")


async def test_a_transaction_of_another_driver_is_refused(driver: MemoryDriver) -> None:
    async with MemoryDriver().transaction() as connection:
        with pytest.raises(InvalidInput, match="another memory driver"):
            await Scheduler(driver).using(connection=connection).enqueue(remind, "Ada")


def test_blocking_code_stores_jobs_in_a_transaction(driver: MemoryDriver) -> None:
    queries = SyncQueries(driver)
    with driver.transaction_sync() as connection:
        (job,) = queries.enqueue("mail", b"1", dedupe_key="one", connection=connection)
        assert queries.enqueue("mail", dedupe_key="one", on_duplicate="ignore", connection=connection) == [
            job
        ]
        assert queries.job(job) is None
    assert queries.job_status([job]) == {job: JobStatus.PENDING}


async def test_who_commits_the_same_id_later_fails_as_a_whole(driver: MemoryDriver) -> None:
    scheduler = Scheduler(driver)

    async def both() -> None:
        async with driver.transaction() as first:
            mine = scheduler.using(connection=first)
            await mine.enqueue(remind, "Ada")
            await mine.using(job_id="one").enqueue(remind, "Bob")
            async with driver.transaction() as second:
                await scheduler.using(connection=second, job_id="one").enqueue(remind, "Eve")

    with pytest.raises(TransientDatabaseError):
        await both()
    await assert_scheduled(scheduler, remind, args=("Eve",), count=1)
    await assert_scheduled(scheduler, remind, count=1)


async def test_a_duplicate_of_what_was_stored_before_is_refused_and_the_rest_is_kept(
    driver: MemoryDriver,
) -> None:
    scheduler = Scheduler(driver)
    async with driver.transaction() as connection:
        mine = scheduler.using(connection=connection, job_id="one")
        await mine.enqueue(remind, "Ada")
        with pytest.raises(JobAlreadyExists):
            await mine.enqueue(remind, "Eve")
    await assert_scheduled(scheduler, remind, args=("Ada",), count=1)


async def test_a_job_that_completes_itself_stores_the_next_one_with_it(driver: MemoryDriver) -> None:
    """The dedupe key is free again in that transaction, and for nobody else before its commit."""
    app = PgQueuer(driver)

    @app.entrypoint("chain", accepts_context=True)
    async def chain(job: Any, context: Any) -> None:
        async with driver.transaction() as connection:
            await context.complete_in(connection)
            await app.queries.enqueue("next", dedupe_key="only", connection=connection)

    await app.queries.enqueue("chain", dedupe_key="only")
    with pytest.warns(LeftBehind, match="'next'"):
        assert [one.completed for one in await drain(app.qm)] == [True]


def test_the_driver_is_one_for_both_sides(driver: MemoryDriver) -> None:
    assert isinstance(driver, Driver)
    with pytest.raises(InvalidInput, match="schema: is the driver's own business"):
        SyncQueries(driver, schema="other")
