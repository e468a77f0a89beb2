"""Every row of the table, over every driver: the same refusal, and nothing has changed.

A refusal needs no database either: it comes before any SQL.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from pg_scheduler import ConflictResolution, JobStatus, PollingConfig, RetryPolicy, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.driver import Driver
from pg_scheduler.testing import ManualClock, MemoryDriver
from pg_scheduler_embedded import EmbeddedServer
from tests.hostile_inputs import (
    INJECTION,
    SOON,
    TABLE,
    Call,
    Hostile,
    bulk,
    decorated,
    job,
    make,
    named,
    schedule,
    scheduler,
    spec,
    status,
)
from tests.support.databases import new_database

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1"
"""Nobody listens here."""


@dataclass(frozen=True)
class Place:
    """A scheduler and a view behind its store."""

    name: str
    scheduler: Scheduler
    connection: asyncpg.Connection | None

    async def contents(self) -> dict[str, Any]:
        """Everything that is stored: through the port, and table by table where there are tables."""
        driver = self.scheduler.driver
        jobs = await driver.insight.jobs(limit=1000)
        seen: dict[str, Any] = {
            "jobs": jobs,
            "counts": await driver.insight.counts(),
            "attempts": [await driver.insight.attempts(one.job_id) for one in jobs],
        }
        if self.connection is not None:
            tables = await self.connection.fetch(
                "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
            )
            for table in tables:
                seen[table["name"]] = await self.connection.fetch(
                    f'SELECT row::text FROM "{table["name"]}" AS row ORDER BY row::text'
                )
        return seen


async def store_three_jobs(driver: Driver) -> None:
    """One pending, one failed with a history, one completed."""
    jobs = [NewJob(job_id, "app:job", SOON, "{}") for job_id in ("existing", "ended", "done")]
    await driver.jobs.submit(jobs, ConflictResolution.RAISE, now=SOON)
    ends = {"ended": Verdict(JobEvent.FAIL, None, "gone", "trace"), "done": Verdict(JobEvent.COMPLETE)}
    request = ClaimRequest("worker", (), 1, timedelta(seconds=60))
    for job_id, verdict in ends.items():
        claimed = await driver.jobs.claim_job(job_id, request, now=SOON)
        assert claimed is not None
        answer = await driver.jobs.settle([Settlement(job_id, claimed.epoch, "worker", verdict)], now=SOON)
        assert answer.accepted == [True]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def places(server: EmbeddedServer) -> AsyncIterator[list[Place]]:
    """Memory, asyncpg and psycopg, each with the three jobs."""
    found = [Place("memory", Scheduler(MemoryDriver(), clock=ManualClock(SOON)), None)]
    for library in ("asyncpg", "psycopg"):
        dsn = await new_database(server)
        scheduler = Scheduler(dsn, library=library, clock=ManualClock(SOON))
        found.append(Place(library, scheduler, await asyncpg.connect(dsn)))
    for place in found:
        await place.scheduler.initialize_db()
        await store_three_jobs(place.scheduler.driver)
    yield found
    for place in found:
        await place.scheduler.shutdown()
        if place.connection is not None:
            await place.connection.close()


async def refusal(hostile: Hostile, scheduler: Scheduler) -> Exception:
    """What the call raises; it must raise."""
    try:
        answer = hostile.call(scheduler)
        if inspect.isawaitable(answer):
            answer = await answer
    except Exception as error:
        return error
    raise AssertionError(f"{hostile.name} was accepted: {answer!r}")


@pytest.mark.parametrize("hostile", TABLE, ids=lambda hostile: hostile.name)
async def test_it_is_refused_everywhere_alike_and_nothing_has_changed(
    hostile: Hostile, places: list[Place]
) -> None:
    messages = {}
    for place in places:
        before = await place.contents()
        error = await refusal(hostile, place.scheduler)
        assert type(error) is hostile.error, f"{place.name}: {error!r}"
        assert hostile.says in str(error), place.name
        assert len(str(error)) < 1_000, place.name
        assert await place.contents() == before, place.name
        messages[place.name] = str(error)
    if "connection" not in hostile.says:  # the drivers rightly name different libraries
        assert len(set(messages.values())) == 1, messages


@pytest.mark.parametrize(
    "hostile", [row for row in TABLE if not row.needs_database], ids=lambda hostile: hostile.name
)
@pytest.mark.parametrize("library", ["asyncpg", "psycopg"])
async def test_it_is_refused_before_any_database_is_asked(hostile: Hostile, library: Library) -> None:
    error = await refusal(hostile, Scheduler(NOWHERE, library=library))
    assert type(error) is hostile.error
    assert hostile.says in str(error)


async def test_the_table_is_long_and_its_names_are_its_own() -> None:
    assert len(TABLE) >= 50
    assert len({row.name for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    "call",
    [
        schedule(),
        schedule("app:job", args=(1,), kwargs={"key": 2}),
        named(),
        bulk([spec(), spec()]),
        status("ended", "pending"),
        scheduler(),
        scheduler(LEASE_DURATION=10),
        decorated(),
        make(PollingConfig),
        make(RetryPolicy),
    ],
)
async def test_without_the_one_fault_the_same_calls_are_accepted(call: Call, places: list[Place]) -> None:
    """The control: what a row of the table changes is what is refused."""
    for place in places:
        answer = call(place.scheduler)
        if inspect.isawaitable(answer):
            await answer


async def test_a_refused_row_of_a_bulk_call_says_where_it_stands(places: list[Place]) -> None:
    row = next(row for row in TABLE if row.name == "a naive time among the JobSpecs")
    error = await refusal(row, places[0].scheduler)
    assert error.__notes__ == ["It is jobs[1] of the bulk call; nothing was stored."]


HOSTILE_TEXTS = [
    INJECTION,
    "'; UPDATE scheduled_jobs SET status = 'completed'; --",
    "%s %(x)s $1 :job_id {0} \\'",
    'a"b\\c`d',
    "../../etc/passwd",
    "\u202egnp.exe",
    "\U0001f600" * 20,
    "NULL",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
async def test_text_that_looks_like_sql_is_data(places: list[Place], text: str) -> None:
    for place in places:
        scheduler = place.scheduler
        handle = await scheduler.schedule(
            f"app:{text}", execution_time=SOON, job_id=text, args=(text,), kwargs={text: text}
        )
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert (record.job_id, record.task_name) == (text, f"app:{text}")
        assert scheduler.codec.decode_arguments(record.task_data) == ([text], {text: text})
        assert await scheduler.cancel_job(text)
        assert await handle.status() is JobStatus.CANCELLED
        await scheduler.update_job_status(text, "pending")
        untouched = await scheduler.driver.insight.job("existing")
        assert untouched is not None
        assert untouched.status is JobStatus.PENDING


async def test_a_generator_of_jobs_is_not_used_up_by_looking_at_it(places: list[Place]) -> None:
    for place in places:
        handles = await place.scheduler.schedule_bulk(spec(job_id=f"generated {n}") for n in range(3))
        assert handles == [f"generated {n}" for n in range(3)]


async def test_a_refused_job_leaves_a_callers_transaction_usable(places: list[Place]) -> None:
    (place,) = [one for one in places if one.name == "asyncpg"]
    assert place.connection is not None
    async with place.connection.transaction():
        for hostile in ("a naive time", "a set inside"):
            row = next(row for row in TABLE if row.name == hostile)
            await refusal(row, place.scheduler)
        await place.scheduler.schedule(
            job, execution_time=SOON, job_id="after the refusals", connection=place.connection
        )
    assert await place.scheduler.driver.insight.job("after the refusals") is not None
