"""Epochs of PostgreSQL's rows: numbers of its clock, which no claim shares with another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    OWNER,
    at,
    brought_to,
    claim,
    claimed,
    new,
    settle,
    started,
    stored,
    submit,
)


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


A_DAY = 24 * 3600 * 4096_000
"""In epochs."""


@pytest.mark.parametrize("behind", [0, A_DAY], ids=["right", "a day behind"])
async def test_a_server_that_lacks_the_latest_claim_does_not_give_its_epoch_again(
    driver: Driver, sql: asyncpg.Connection, behind: int
) -> None:
    """A replica took over before it had heard of the claim; its worker lives, and says what became of it. Nor
    where the clocks are behind the row's epoch, as one has been set back."""
    await submit(driver, new())
    await sql.execute("UPDATE scheduled_jobs SET epoch = epoch + $1::bigint", behind)
    epoch = (await stored(driver)).epoch
    lost = await claimed(driver)
    await sql.execute(
        "UPDATE scheduled_jobs SET status = 'pending', epoch = $1, worker_id = NULL, started_at = NULL,"
        " lease_until = NULL, attempt_count = 0",
        epoch,
    )
    again = await claimed(driver)
    assert again.epoch != lost.epoch
    await settle(driver, again, JobEvent.RELEASE)
    assert not await settle(driver, lost, JobEvent.COMPLETE)
    assert (await stored(driver)).status is JobStatus.PENDING


@pytest.mark.parametrize("by_id", [True, False], ids=["by id", "by time"])
async def test_a_clock_that_was_set_back_does_not_lower_an_epoch(
    driver: Driver, sql: asyncpg.Connection, by_id: bool
) -> None:
    await submit(driver, new())
    tomorrow = await sql.fetchval(
        "UPDATE scheduled_jobs SET epoch = epoch + $1::bigint RETURNING epoch", A_DAY
    )
    job = await claimed(driver) if by_id else (await claim(driver)).jobs[0]
    assert tomorrow < job.epoch < tomorrow + A_DAY


async def test_jobs_of_a_version_before_go_on_from_where_they_are(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    job = await started(driver)
    await sql.execute("UPDATE scheduled_jobs SET epoch = 3")
    assert not await settle(driver, job, JobEvent.COMPLETE)
    await sql.execute("UPDATE scheduled_jobs SET status = 'pending'")
    assert (await claimed(driver, OWNER, now=at(70))).epoch > 3


async def test_every_language_can_carry_an_epoch(driver: Driver) -> None:
    """As a float too, which is what a number in JSON is to many; for decades yet."""
    in_fifty_years = (datetime.now(UTC) - datetime(1975, 1, 1, tzinfo=UTC)).total_seconds() * 4096_000
    for status in (JobStatus.PENDING, JobStatus.RUNNING):
        record = await brought_to(driver, status, status.value)
        assert 0 < record.epoch < in_fifty_years < 2**53
