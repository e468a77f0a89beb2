"""One bad value harms its own job alone: rows of a producer, an operator, or a newer version."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing.contract.scene import (
    NOON,
    OWNER,
    at,
    claim,
    claim_request,
    claimed,
    new,
    reclaim,
    stored,
    submit,
)

UNREADABLE = {
    "timeout that is no number": ("timeout_seconds", "'NaN'"),
    "endless timeout": ("timeout_seconds", "'Infinity'"),
    "timeout beyond all dates": ("timeout_seconds", "1e300"),
    "empty backoff": ("backoff", "'{}'"),
    "backoff that is a list": ("backoff", "'[1]'"),
    "backoff that is a text": ("backoff", "'\"soon\"'"),
    "arguments that are a list": ("task_data", "'[1, 2]'"),
    "arguments that are a text": ("task_data", "'\"text\"'"),
    "backoff that shrinks": ("backoff", '\'{"base": 1, "factor": 0.5, "cap": 9, "jitter": 0}\''),
    "backoff of texts": ("backoff", '\'{"base": "1", "factor": 2, "cap": 9, "jitter": 0}\''),
}
FAR = {
    "before Christ": ("execution_time", "'0044-03-15 BC'"),
    "before all calendars": ("execution_time", "'4713-01-01 BC'"),
    "stored in the far future": ("created_at", "'20000-01-01'"),
    "window in the far future": ("schedule_window", "'294276-01-01'"),
}


def cases(values: dict[str, tuple[str, str]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("column", "value"), values.values(), ids=values.keys())


@pytest.fixture
async def driver(dsn: str, library: Library, sql: asyncpg.Connection) -> AsyncIterator[Driver]:
    """Over tables in which nonsense was stored before they refused it."""
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    await sql.execute(
        "ALTER TABLE scheduled_jobs DROP CONSTRAINT scheduled_jobs_readable,"
        " DROP CONSTRAINT scheduled_jobs_status"
    )
    yield driver
    await driver.close()


async def spoil(sql: asyncpg.Connection, column: str, value: str, job_id: str = "bad") -> None:
    await sql.execute(f"UPDATE scheduled_jobs SET {column} = {value} WHERE job_id = '{job_id}'")


@cases(UNREADABLE)
async def test_a_row_that_cannot_be_read_fails_and_its_neighbours_start(
    driver: Driver, sql: asyncpg.Connection, column: str, value: str
) -> None:
    await submit(driver, new("a"), new("bad"), new("z"))
    await spoil(sql, column, value)
    answer = await claim(driver, limit=3)
    assert [job.job_id for job in answer.jobs] == ["a", "z"]
    assert (answer.unreadable, answer.rows) == (("bad",), 3)
    await spoil(sql, column, "NULL")
    record = await stored(driver, "bad")
    assert (record.status, record.worker_id, record.attempt_count) == (JobStatus.FAILED, OWNER, 1)
    assert (record.error_message or "").startswith(f"the row cannot be read: {column} is ")
    assert (await reclaim(driver, now=at(61))).jobs[0].job_id == "a", "nothing was left leased"


@cases(UNREADABLE)
async def test_no_way_of_claiming_is_harmed(
    driver: Driver, sql: asyncpg.Connection, column: str, value: str
) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=3)}, now=NOON)
    await submit(driver, new("bad"), new("good"), new("by id"))
    await spoil(sql, column, value)
    await spoil(sql, column, value, "by id")
    assert await driver.jobs.claim_job("by id", claim_request(), now=NOON) is None
    answer = await driver.jobs.claim_lanes(claim_request(), now=NOON)
    assert [job.job_id for job in answer.jobs] == ["good"]
    counts = await driver.insight.counts()
    assert (counts[JobStatus.FAILED], counts[JobStatus.RUNNING]) == (2, 1)


@cases(FAR)
async def test_a_job_of_a_far_time_runs_like_others(
    driver: Driver, sql: asyncpg.Connection, column: str, value: str
) -> None:
    await submit(driver, new("bad"), new("good"))
    await spoil(sql, column, value)
    assert {job.job_id for job in (await claim(driver)).jobs} == {"bad", "good"}
    assert {job.job_id for job in await driver.insight.jobs()} == {"bad", "good"}


async def test_a_job_of_the_far_future_waits_and_is_listed(driver: Driver, sql: asyncpg.Connection) -> None:
    await submit(driver, new("bad", task="unknown"), new("good"))
    await spoil(sql, "execution_time", "'20000-01-01'")
    assert [job.job_id for job in (await claim(driver)).jobs] == ["good"]
    assert [job.job_id for job in await driver.insight.jobs()] == ["good", "bad"]
    await spoil(sql, "execution_time", "'4000-01-01 BC'")
    (waiting,) = await driver.insight.unclaimed(["task"], now=at(0))
    assert waiting.task_name == "unknown"


@cases({**UNREADABLE, **FAR})
async def test_what_a_worker_has_lost_is_found_whatever_its_rows_hold(
    driver: Driver, sql: asyncpg.Connection, column: str, value: str
) -> None:
    """A claim whose answer was lost is given back by ids alone."""
    await submit(driver, new("bad"))
    job = await claimed(driver, job_id="bad")
    await spoil(sql, column, value)
    assert await driver.insight.leases_of(OWNER) == [job.lease]
    assert await driver.insight.leases_of("nobody") == []


async def test_a_row_that_holds_nonsense_is_listed_with_the_reason(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    await submit(driver, new("bad"), new("good"))
    await spoil(sql, "status", "'bogus'")
    await spoil(sql, "timeout_seconds", "'NaN'")
    bad, good = await driver.insight.jobs()
    assert good.error_message is None
    assert (bad.status, bad.timeout) == (JobStatus.FAILED, None)
    assert (bad.error_message or "").startswith("the row cannot be read: status is 'bogus' (")
    assert "timeout_seconds is nan (" in (bad.error_message or "")
    assert (await claim(driver)).jobs[0].job_id == "good"
    # An operator can bring it back.
    await spoil(sql, "timeout_seconds", "NULL")
    await driver.jobs.override_status("bad", JobStatus.PENDING, now=NOON)
    assert [job.job_id for job in (await claim(driver)).jobs] == ["bad"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *UNREADABLE.values(),
        *FAR.values(),
        ("timeout_seconds", "-1"),
        ("headers", "'5'"),
        ("status", "'bogus'"),
        ("execution_time", "'20000-01-01'"),
    ],
)
async def test_the_table_refuses_nonsense(
    driver: Driver, sql: asyncpg.Connection, column: str, value: str
) -> None:
    if column == "schedule_window" or (column == "backoff" and value.startswith("'{")):
        pytest.skip("only what reads it can tell")
    await driver.schema.uninstall()
    await driver.schema.install()
    await submit(driver, new("bad"))
    with pytest.raises(asyncpg.CheckViolationError):
        await spoil(sql, column, value)
    values = {"job_id": "'worse'", "job_name": "'task'", "execution_time": "now()", column: value}
    with pytest.raises(asyncpg.CheckViolationError):
        await sql.execute(
            f"INSERT INTO scheduled_jobs ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        )
