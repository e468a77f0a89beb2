"""How often a store calls: once per statement at most, and only where looking would find something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.scene import (
    IGNORE,
    LEASE,
    NOON,
    OWNER,
    at,
    claim,
    new,
    reclaim,
    settle,
    settlement_of,
    started,
    submit,
)
from pg_scheduler.testing.contract.signals import listening
from tests.contract.callers import CALLERS

DUE, CANCEL = SignalKind.DUE, SignalKind.CANCEL
TRANSACTION = {"asyncpg": "asyncpg transaction", "psycopg": "psycopg implicit"}


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


class Ear:
    """Everything heard since the last look. Signals come in the order of their commits, so once the mark has
    come, all earlier ones have."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._listening = listening(driver)

    async def __aenter__(self) -> Ear:
        await started(self._driver, "mark")
        self._heard = await self._listening.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._listening.__aexit__(None, None, None)

    async def heard(self) -> list[SignalKind]:
        """Until now; a wish to cancel the running job "mark" is the mark."""
        await self._driver.jobs.request_cancel(["mark"], now=NOON)
        heard = []
        async with asyncio.timeout(10):
            while (signal := await self._heard.get()) is not CANCEL:
                heard.append(signal)
        return heard


async def test_a_hundred_jobs_are_one_signal(driver: Driver) -> None:
    async with Ear(driver) as ear:
        await driver.jobs.submit([new(f"{n}") for n in range(100)], IGNORE, now=NOON, batch_size=10)
        assert await ear.heard() == [DUE]


async def test_the_statements_of_one_transaction_are_one_signal(
    driver: Driver, dsn: str, library: Library
) -> None:
    async with CALLERS[TRANSACTION[library]](dsn) as caller, Ear(driver) as ear:
        for number in range(3):
            await driver.jobs.submit([new(f"{number}")], IGNORE, now=NOON, connection=caller.connection)
        await caller.commit()
        assert await ear.heard() == [DUE]


async def test_jobs_of_the_far_future_are_no_signal(driver: Driver) -> None:
    async with Ear(driver) as ear:
        await submit(driver, new(due=at(3600)))
        assert await ear.heard() == []
        await submit(driver, new("soon", due=at(30)))
        assert await ear.heard() == [DUE]


async def test_what_stores_nothing_is_no_signal(driver: Driver) -> None:
    await submit(driver, new())
    async with Ear(driver) as ear:
        await submit(driver, new(), conflict=IGNORE)
        await driver.jobs.request_cancel(["unknown"], now=NOON)
        await reclaim(driver, now=NOON)
        assert await ear.heard() == []


async def test_work_in_progress_is_no_signal(driver: Driver) -> None:
    job = await started(driver)
    async with Ear(driver) as ear:
        await submit(driver, new("other", due=at(1000)))
        await claim(driver, now=at(1001))
        await driver.jobs.renew(RenewRequest(OWNER, "host", 1, LEASE, [job.lease]), now=at(1))
        await settle(driver, job, JobEvent.COMPLETE)
        assert await ear.heard() == []


async def test_a_batch_of_released_jobs_is_one_signal(driver: Driver) -> None:
    jobs = [await started(driver, f"{n}") for n in range(20)]
    async with Ear(driver) as ear:
        await driver.jobs.settle([settlement_of(job, JobEvent.RELEASE) for job in jobs], now=at(10))
        assert await ear.heard() == [DUE]


async def test_a_retry_of_the_far_future_is_no_signal(driver: Driver) -> None:
    soon, later = await started(driver, "soon"), await started(driver, "later")
    async with Ear(driver) as ear:
        await settle(driver, later, JobEvent.RETRY, delay=timedelta(hours=1))
        assert await ear.heard() == []
        await settle(driver, soon, JobEvent.RETRY, delay=timedelta(seconds=1))
        assert await ear.heard() == [DUE]


async def test_cancelling_what_does_not_run_is_no_signal_to_stop(driver: Driver) -> None:
    await submit(driver, new())
    async with listening(driver) as heard:
        await driver.jobs.request_cancel(["job"], now=NOON)
        await driver.jobs.override_status("job", JobStatus.PENDING, now=NOON)
        async with asyncio.timeout(10):
            assert await heard.get() is DUE
