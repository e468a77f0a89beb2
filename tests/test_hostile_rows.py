"""What stands in the database is data too: odd names, odd times, broken arguments, odd outcomes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from pg_scheduler import InvalidInput, JobStatus, Scheduler, Snooze
from pg_scheduler.client.source import Library, Source
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.retry import MAX_DELAY
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from pg_scheduler_postgres.submitting import WORTH_COPYING
from tests.hostile_inputs import INJECTION
from tests.support.databases import Servers, new_database, versions_to_test

pytestmark = pytest.mark.slow_with("psycopg")

NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def nothing() -> None:
    """Completes."""


@asynccontextmanager
async def installed(source: Source, library: Library | None, **options: Any) -> AsyncIterator[Scheduler]:
    """A scheduler that is not started, with its tables."""
    scheduler = Scheduler(source, library=library, clock=ManualClock(NOW), **options)
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()


async def run_to_the_end(scheduler: Scheduler) -> None:
    """Schedule and run one job."""
    handle = await scheduler.schedule(nothing, execution_time=NOW)
    assert [drained.completed for drained in await drain(scheduler)] == [True]
    assert await handle.status() is JobStatus.COMPLETED


# --- names of schemas


@pytest.mark.parametrize(
    "schema",
    [
        'x"; DROP TABLE canary; --',
        "x'; DROP TABLE canary; --",
        "odd -:job_ids :now",
        "$1 %s {0} \\",
        "MiXed Case",
        "select",
        "ä" * 31,
    ],
)
async def test_a_schema_may_be_called_anything_and_is_only_ever_a_name(
    dsn: str, library: Library, sql: asyncpg.Connection, schema: str
) -> None:
    await sql.execute("CREATE TABLE canary ()")
    async with installed(dsn, library, schema=schema) as scheduler:
        await run_to_the_end(scheduler)
        assert (await scheduler.driver.schema.status()).current
        assert await sql.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = $1", schema) > 0
        assert await sql.fetchval("SELECT to_regclass('canary')") == "canary"
        assert await sql.fetchval("SELECT to_regclass('public.scheduled_jobs')") is None


@pytest.mark.parametrize("schema", ["", "x" * 64, "ä" * 32, "a\x00b", "a\nb", "a\udc00", 5, b"public"])
def test_what_cannot_be_an_identifier_is_refused_as_a_schema(library: Library, schema: str) -> None:
    with pytest.raises(InvalidInput, match="schema: "):
        Scheduler("postgresql://", library=library, schema=schema)


def test_the_memory_driver_has_no_schemas() -> None:
    with pytest.raises(InvalidInput, match="schema: is the driver's own business"):
        Scheduler(MemoryDriver(), schema=INJECTION)


# --- times at the ends of all dates, and beyond


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("style", ["ISO", "German"])
async def test_the_first_and_the_last_instant_are_times_like_others(
    dsn: str, library: Library, sql: asyncpg.Connection, zone: str, style: str
) -> None:
    """A server in another zone writes them as years that Python does not have."""
    (name,) = await sql.fetchrow("SELECT current_database()")
    await sql.execute(f"ALTER DATABASE \"{name}\" SET timezone = '{zone}'")
    await sql.execute(f"ALTER DATABASE \"{name}\" SET datestyle = '{style}'")
    async with installed(dsn, library, misfire_grace_time=None) as scheduler:
        first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        early = await scheduler.schedule(nothing, execution_time=first)
        late = await scheduler.schedule(nothing, execution_time=last)
        assert [drained.job.execution_time for drained in await drain(scheduler)] == [first]
        assert await early.status() is JobStatus.COMPLETED
        record = await scheduler.driver.insight.job(late)
        assert record is not None
        assert (record.status, record.execution_time) == (JobStatus.PENDING, last)


@pytest.mark.parametrize("many", [1, 2, WORTH_COPYING], ids=["one", "some", "copied"])
@pytest.mark.parametrize("conflict", [ConflictResolution.RAISE, ConflictResolution.REPLACE])
async def test_both_libraries_store_the_ends_of_time_as_dates(
    dsn: str, library: Library, sql: asyncpg.Connection, many: int, conflict: ConflictResolution
) -> None:
    async with installed(dsn, library) as scheduler:
        for when in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
            jobs = [NewJob(f"{when}{number}", "job", when, "{}") for number in range(many)]
            await scheduler.driver.jobs.submit(jobs, conflict)
    await sql.execute("SET timezone = 'UTC'")
    stored = "SELECT DISTINCT execution_time::text AS at FROM scheduled_jobs ORDER BY at"
    assert [row["at"] for row in await sql.fetch(stored)] == [
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
    ]


@pytest.mark.parametrize("version", versions_to_test())
async def test_an_infinite_time_stops_nobody(servers: Servers, version: int, library: Library) -> None:
    """Rows that somebody wrote by hand: "never" and "at once"."""
    dsn = await new_database(servers[version])
    async with installed(dsn, library) as scheduler:
        usual = await scheduler.schedule(nothing, execution_time=NOW)
        sql = await asyncpg.connect(dsn)
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, misfire_grace_time) "
            "VALUES ('never', $1, 'infinity', 60), ('at once', $1, '-infinity', NULL), "
            "('late', $1, '-infinity', 60)",
            scheduler.task_for(nothing).name,
        )
        await sql.close()
        assert {drained.job.job_id for drained in await drain(scheduler)} == {usual, "at once"}
        (waiting,) = await scheduler.driver.insight.jobs(statuses=[JobStatus.PENDING])
        assert waiting.job_id == "never"
        (late,) = await scheduler.driver.insight.jobs(statuses=[JobStatus.EXPIRED])
        assert late.job_id == "late"


# --- arguments that somebody else wrote


@pytest.mark.parametrize(
    ("task_data", "says"),
    [
        ('{"args": 5}', "TypeError"),
        ('{"kwargs": [1]}', "AttributeError"),
        ('{"args": ["too many"]}', "TypeError"),
        ('{"args": [{"$datetime": "tomorrow"}]}', "UndecodablePayload: $datetime cannot be read"),
        ('{"args": [{"$enum": ["os:system", "true"]}]}', "UndecodablePayload: no enum os:system is loaded"),
        ('{"kwargs": {"a": {"$dataclass": ["subprocess:Popen", {}]}}}', "UndecodablePayload: no dataclass"),
    ],
)
async def test_a_job_with_broken_arguments_fails_alone_and_says_why(
    dsn: str, library: Library, sql: asyncpg.Connection, task_data: str, says: str
) -> None:
    async with installed(dsn, library) as scheduler:
        usual = await scheduler.schedule(nothing, execution_time=NOW)
        await sql.execute(
            "INSERT INTO scheduled_jobs (job_id, job_name, execution_time, task_data) "
            "VALUES ('broken', $1, $2, $3::text::jsonb)",
            scheduler.task_for(nothing).name,
            NOW,
            task_data,
        )
        await drain(scheduler)
        assert await usual.status() is JobStatus.COMPLETED
        broken = await scheduler.driver.insight.job("broken")
        assert broken is not None
        assert broken.status is JobStatus.FAILED
        assert broken.error_message is not None
        assert broken.error_message.startswith(says)


# --- outcomes that no column can hold


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def scheduler(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Scheduler]:
    """A scheduler that is not started, over each driver."""
    source = MemoryDriver() if request.param == "memory" else dsn
    library = None if request.param == "memory" else request.param
    async with installed(source, library) as scheduler:
        yield scheduler


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


async def says_nul() -> None:
    raise ValueError("a\x00b\ud800" + "x" * 100_000)


async def says_nothing() -> None:
    raise Mute


async def returns_an_object() -> object:
    return object()


async def returns_nul() -> str:
    return "a\x00b"


async def sleeps_for_ever() -> None:
    raise Snooze(timedelta.max)


@pytest.mark.parametrize(
    ("func", "status", "says"),
    [
        (says_nul, JobStatus.FAILED, "ValueError: a\\x00b\\ud800xxx"),
        (says_nothing, JobStatus.FAILED, "Mute: (its message cannot be read: RuntimeError)"),
        (returns_an_object, JobStatus.COMPLETED, "result not stored: result: builtins.object"),
        (returns_nul, JobStatus.COMPLETED, "result not stored: result: holds a NUL"),
    ],
)
async def test_an_outcome_that_cannot_be_stored_still_ends_the_job(
    scheduler: Scheduler, func: Callable[[], Awaitable[object]], status: JobStatus, says: str
) -> None:
    handle = await scheduler.schedule(func, execution_time=NOW, store_result=True)
    await drain(scheduler)
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.status, record.result) == (status, None)
    assert record.error_message is not None
    assert record.error_message.startswith(says)


async def test_a_snooze_past_the_end_of_time_waits_a_century(scheduler: Scheduler) -> None:
    handle = await scheduler.schedule(sleeps_for_ever, execution_time=NOW)
    await drain(scheduler)
    record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.status, record.execution_time) == (JobStatus.PENDING, NOW + MAX_DELAY)
    assert record.attempt_count == 0
