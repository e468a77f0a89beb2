"""Many jobs that meet no stored ones go by COPY; nobody can tell by the answers or the rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import asyncpg
import psycopg
import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import JobAlreadyExists
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.model import JobRecord, NewJob
from pg_scheduler.domain.retry import Backoff
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler.testing.contract.scene import IGNORE, NOON, RAISE, at, new, stored
from pg_scheduler.testing.contract.signals import listening, next_of
from pg_scheduler_postgres.copying import CopiedJobs
from pg_scheduler_postgres.submitting import WORTH_COPYING, Submitting, _batches

ODD = ["\\N", "\\", "\\.", "a\\tb", "'; DROP TABLE x; --", "ä\u2028ö", "  ", '"', "$1 %s {}"]


@pytest.fixture
async def driver(dsn: str, library: Library) -> AsyncIterator[Driver]:
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    yield driver
    await driver.close()


@pytest.fixture
def copies() -> Iterator[list[int]]:
    """How many rows each COPY was given."""
    counts: list[int] = []
    really = Submitting._copy

    async def counted(self: Submitting, transaction: object, rows: list[NewJob]) -> None:
        counts.append(len(rows))
        await really(self, transaction, rows)  # type: ignore[arg-type]

    with patch.object(Submitting, "_copy", counted):
        yield counts


def many(number: int = WORTH_COPYING, **definition: Any) -> list[NewJob]:
    return [new(f"job {n}", **{"fresh_id": True, **definition}) for n in range(number)]


async def submit_all(
    driver: Driver, jobs: list[NewJob], conflict: ConflictResolution = IGNORE
) -> list[Submission]:
    return await driver.jobs.submit(jobs, conflict, now=NOON)


def strange() -> list[NewJob]:
    """Jobs with everything that a row can hold, and texts that COPY has its own meaning for."""
    full = new(
        "full",
        task="m:f",
        due=at(5),
        rank=-3,
        task_data='{"args": ["\\\\N\\t\\u00e9"], "kwargs": {"a": 1.50}}',
        max_retries=7,
        misfire_grace_seconds=9,
        timeout=timedelta(seconds=2.5),
        backoff=Backoff(timedelta(seconds=0.1), 1.5, timedelta(seconds=9), 0.5),
        store_result=True,
        schedule_key="key",
        exclusive_key="lock",
        exclusive_wait=False,
        payload=b"\x00\\x41\t\n\xff",
        headers='{"a\\\\b": "\\n"}',
        dedupe_key="\\d",
        limit_key="\\N",
    )
    later = new("later", delay=timedelta(seconds=3.25))
    named = [new(text, task=text, limit_key=text) for text in ODD if not text.isspace()]
    return [replace(job, fresh_id=True) for job in (full, later, *named, *many())]


async def rows_of(driver: Driver, jobs: list[NewJob]) -> list[JobRecord]:
    # Epochs begin at a number of the transaction's time.
    return [replace(await stored(driver, job.job_id), epoch=0) for job in jobs]


async def test_a_copied_row_is_what_an_inserted_one_would_be(driver: Driver, copies: list[int]) -> None:
    jobs = strange()
    assert await submit_all(driver, jobs, RAISE) == [Submission.INSERTED] * len(jobs)
    copied = await rows_of(driver, jobs)
    assert copies == [len(jobs)]
    await driver.schema.uninstall()
    await driver.schema.install()
    with patch("pg_scheduler_postgres.submitting.WORTH_COPYING", 10_000):
        await submit_all(driver, jobs, RAISE)
    assert await rows_of(driver, jobs) == copied


async def test_ids_made_for_their_jobs_are_copied_and_given_ones_may_meet_others(
    driver: Driver, copies: list[int]
) -> None:
    await submit_all(driver, many())
    assert copies == [WORTH_COPYING]
    answers = await submit_all(driver, [*many(fresh_id=False), new("one more")])
    assert copies == [WORTH_COPYING], "IGNORE with ids of the caller's is not tried by COPY"
    assert answers == [Submission.IGNORED] * WORTH_COPYING + [Submission.INSERTED]


async def test_an_id_that_is_taken_after_all_is_answered_as_ever(driver: Driver, copies: list[int]) -> None:
    await submit_all(driver, [new("job 7")])
    answers = await submit_all(driver, many())
    assert copies == [WORTH_COPYING], "it was tried"
    assert answers.count(Submission.INSERTED) == WORTH_COPYING - 1
    assert answers[7] is Submission.IGNORED


async def test_taken_ids_are_named_and_nothing_is_stored(driver: Driver, sql: asyncpg.Connection) -> None:
    await submit_all(driver, [new("job 7"), new("job 9")])
    with pytest.raises(JobAlreadyExists) as refused:
        await submit_all(driver, many(), RAISE)
    assert list(refused.value.job_ids) == ["job 7", "job 9"]
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs") == 2


async def test_workers_are_woken_once_and_only_for_what_is_due(driver: Driver) -> None:
    async with listening(driver) as heard:
        await submit_all(driver, many(due=at(3600)))
        await submit_all(driver, [new(f"due {n}", fresh_id=True) for n in range(WORTH_COPYING)])
        await next_of(heard, SignalKind.DUE)
        await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=NOON)
        await submit_all(driver, [new(f"lane {n}", fresh_id=True) for n in range(WORTH_COPYING)])
        await next_of(heard, SignalKind.LANE)
        assert heard.empty()


async def test_a_limited_task_gets_its_lane(driver: Driver, sql: asyncpg.Connection) -> None:
    await driver.limits.set_limits({"task": TaskLimits(concurrency=1)}, now=NOON)
    await submit_all(driver, many())
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE lane = ''") == WORTH_COPYING


async def test_so_does_what_waits_in_a_limited_queue(driver: Driver, sql: asyncpg.Connection) -> None:
    await driver.limits.limit_queue("mail", TaskLimits(concurrency=1), now=NOON)
    await driver.limits.pause_queue("free", True, now=NOON)
    free = [replace(job, job_id=f"{job.job_id}!", queue="free") for job in many()]
    await submit_all(driver, many(queue="mail") + free)
    rows = await sql.fetch("SELECT DISTINCT queue, lane FROM scheduled_jobs ORDER BY queue")
    assert [tuple(row) for row in rows] == [("free", None), ("mail", "")]


async def test_what_is_copied_of_a_task_whose_pause_is_over_stands_outside_lanes(
    driver: Driver, sql: asyncpg.Connection
) -> None:
    """As what is inserted does: a row tells when the pause ended, and holds no limits."""
    for paused in (True, False):
        await driver.limits.pause_task(many()[0].task_name, paused, now=NOON)
    assert await sql.fetchval("SELECT count(resumed_at) FROM scheduled_job_limits") == 1
    await submit_all(driver, many())
    assert await sql.fetchval("SELECT count(*) FROM scheduled_jobs WHERE lane IS NULL") == WORTH_COPYING


async def test_a_caller_whose_connection_speaks_latin_and_json_is_understood(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """A COPY is read in its own encoding, past the codecs that a connection's owner has set."""
    driver = driver_over(dsn, library=library)
    await driver.open()
    await driver.schema.install()
    jobs = many(task="ärger", task_data='{"args": ["é\\\\"], "kwargs": {}}')
    if library == "asyncpg":
        await sql.set_type_codec("jsonb", encoder=str, decoder=str, schema="pg_catalog")
        async with sql.transaction():
            await driver.jobs.submit(jobs, RAISE, now=NOON, connection=sql)
    else:
        async with await psycopg.AsyncConnection.connect(dsn, client_encoding="latin1") as connection:
            await driver.jobs.submit(jobs, RAISE, now=NOON, connection=connection)
    record = await stored(driver, "job 3")
    assert (record.task_name, record.task_data) == ("ärger", '{"args": ["é\\\\"], "kwargs": {}}')
    await driver.close()


def test_no_message_of_a_copy_is_longer_than_it_must_be() -> None:
    """However large the jobs are: a server takes no message of a gigabyte."""
    jobs = [new(f"job {n}", task_data='{"args": ["' + "x" * 50 + '"], "kwargs": {}}') for n in range(7)]
    with patch("pg_scheduler_postgres.copying.CHARACTERS_PER_CHUNK", 10):
        chunks = list(CopiedJobs(jobs, NOON, False, frozenset(), frozenset()).chunks())
    assert [chunk.count(b"\n") for chunk in chunks] == [1] * 7
    assert b"".join(chunks) == b"".join(CopiedJobs(jobs, NOON, False, frozenset(), frozenset()).chunks())


def test_statements_are_bounded_by_rows_and_by_text() -> None:
    sizes = [1, 1, 1, 9, 1, 30, 1, 1]
    jobs = [new(f"job {n}", task_data="", payload=b"x" * size) for n, size in enumerate(sizes)]
    with patch("pg_scheduler_postgres.submitting.MOST_CHARACTERS", 10):
        found = [[job.size for job in batch] for batch in _batches(jobs, 3)]
    assert found == [[1, 1, 1], [9, 1], [30], [1, 1]]
