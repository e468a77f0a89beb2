"""Results and waiting: told by a signal, whatever happens to the connection that hears it."""

from __future__ import annotations

import asyncio
import logging

import asyncpg
import pytest

from pg_scheduler import (
    DatabaseError,
    Job,
    JobFailed,
    JobNotFound,
    JobStatus,
    PgQueuer,
    Queries,
    VacuumConfig,
    VacuumPolicy,
    WaitTimeout,
)
from pg_scheduler.client import completion_waiter as ends
from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.client.source import Library
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import eventually, within

LISTENERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query ILIKE 'LISTEN%_ends%'
"""


@pytest.fixture
def slow_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever only looks, looks too late for any test."""
    for pause in ("FIRST_PAUSE", "MAX_PAUSE", "PAUSE_WHEN_NOTIFIED"):
        monkeypatch.setattr(ends, pause, 3600.0)


@pytest.mark.usefixtures("slow_polls")
async def test_a_result_arrives_by_signal(pgq: PgQueuer, client: Queries) -> None:
    gate = asyncio.Event()

    @pgq.entrypoint("work")
    async def work(job: Job) -> object:
        await gate.wait()
        return {"bytes": len(job.payload or b""), "list": [1, None]}

    (handle,) = await client.enqueue("work", b"data", store_result=True)
    async with pgq:
        waiting = asyncio.create_task(handle.result())
        await eventually(_waiter(client)._ready.is_set)
        gate.set()
        assert await within(waiting) == {"bytes": 4, "list": [1, None]}


@pytest.mark.usefixtures("slow_polls")
async def test_a_wait_hears_of_ends_that_no_worker_settles(client: Queries) -> None:
    (handle,) = await client.enqueue("nobody")
    waiting = asyncio.create_task(handle.wait())
    await eventually(_waiter(client)._ready.is_set)
    await handle.cancel()
    assert await within(waiting) is JobStatus.CANCELLED


async def test_no_result_is_none_and_so_is_one_that_nobody_asked_for(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("work")
    async def work(job: Job) -> object:
        return job.payload and 5

    asked, unasked, nothing = [
        *await client.enqueue("work", b"x", store_result=True),
        *await client.enqueue("work", b"x"),
        *await client.enqueue("work", store_result=True),
    ]
    async with pgq:
        assert [await one.result(20) for one in (asked, unasked, nothing)] == [5, None, None]
        assert await asked.result() == 5  # again, after its end


async def test_a_failure_is_raised_here_with_the_traceback_from_there(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("work")
    def fails_in_the_middle(job: Job) -> None:
        raise ZeroDivisionError("of something")

    (handle,) = await client.enqueue("work")
    async with pgq:
        with pytest.raises(JobFailed) as failed:
            await handle.result(20)
    assert (failed.value.job_id, failed.value.status) == (handle, JobStatus.FAILED)
    assert failed.value.error == "ZeroDivisionError: of something"
    assert "in fails_in_the_middle" in str(failed.value)
    assert 'raise ZeroDivisionError("of something")' in (failed.value.traceback or "")


async def test_a_job_that_is_deleted_as_it_ends_still_tells_its_status(app: MakeApp, client: Queries) -> None:
    at_once = VacuumPolicy.immediate()
    pgq = app(vacuum_config=VacuumConfig(completed=at_once, failed=at_once, cancelled=at_once))
    gate = asyncio.Event()

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        await gate.wait()
        if job.payload:
            raise OSError

    fine, bad = await client.enqueue("work", [None, b"bad"])
    async with pgq:
        waiting = asyncio.gather(fine.wait(20), bad.wait(20))
        await eventually(_waiter(client)._ready.is_set)
        await asyncio.sleep(0.1)  # both have asked to be told
        gate.set()
        assert [*await within(waiting)] == [JobStatus.COMPLETED, JobStatus.FAILED]
        with pytest.raises(JobNotFound):
            await fine.wait(1)


async def test_a_wait_ends_in_time_and_the_job_goes_on(client: Queries) -> None:
    (handle,) = await client.enqueue("nobody")
    with pytest.raises(WaitTimeout, match=handle):
        await handle.wait(0.05)
    with pytest.raises(TimeoutError):
        await handle.result(0.05)
    assert await handle.status() is JobStatus.PENDING
    with pytest.raises(JobNotFound):
        await client.handle("no such job").wait(1)


async def test_a_handle_is_its_text_and_finds_its_job_from_anywhere(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("work")
    async def work(job: Job) -> str:
        return "done"

    (handle,) = await client.enqueue("work", store_result=True)
    async with pgq:
        assert await pgq.queries.handle(str(handle)).result(20) == "done"


@pytest.mark.usefixtures("slow_polls")
async def test_many_waits_share_one_connection_that_leaves_after_them(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "IDLE_TIMEOUT", 0.05)
    pgq = PgQueuer(dsn, library=library)
    gate = asyncio.Event()

    @pgq.entrypoint("work")
    async def work(job: Job) -> bytes:
        await gate.wait()
        return job.payload or b""

    async def listeners() -> int:
        return len(await sql.fetch(LISTENERS))

    handles = await pgq.queries.enqueue("work", [b"%d" % n for n in range(20)])
    async with pgq:
        waiting = asyncio.gather(*(handle.wait() for handle in handles))
        await eventually(_waiter(pgq.queries)._ready.is_set)
        assert await listeners() == 1
        gate.set()
        assert set(await within(waiting)) == {JobStatus.COMPLETED}
        await eventually(lambda: _none(listeners))
        (again,) = await pgq.queries.enqueue("work")
        assert await within(again.wait()) is JobStatus.COMPLETED


async def _none(count: object) -> bool:
    return await count() == 0  # type: ignore[operator,no-any-return]


@pytest.mark.usefixtures("slow_polls")
async def test_a_wait_that_begins_while_the_last_one_leaves_is_told_too(
    dsn: str, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "IDLE_TIMEOUT", 0.0)
    client = Queries(dsn)
    first, second = await client.enqueue("nobody", [None, None])
    with pytest.raises(WaitTimeout):
        await first.wait(0.3)
    leaving = _waiter(client)._listening
    assert leaving is not None
    while not leaving.cancelling():
        await asyncio.sleep(0)
    waiting = asyncio.create_task(second.wait())
    await eventually(lambda: leaving.done() and _waiter(client)._ready.is_set())
    await eventually(lambda: _awaited(client, second))
    await second.cancel()
    assert await within(waiting) is JobStatus.CANCELLED
    await client.close()


async def _awaited(client: Queries, job_id: str) -> bool:
    return job_id in _waiter(client)._waits


async def test_waits_survive_the_death_of_the_connection_that_hears_for_them(
    dsn: str, library: Library, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ends, "PAUSE_WHEN_NOTIFIED", 3600.0)  # only hearing again can help
    logging.getLogger("pg_scheduler.client.completion_waiter").setLevel(logging.CRITICAL)
    pgq = PgQueuer(dsn, library=library)
    gate = asyncio.Event()

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        await gate.wait()

    (handle,) = await pgq.queries.enqueue("work")
    try:
        async with pgq:
            waiting = asyncio.create_task(handle.wait())
            await eventually(_waiter(pgq.queries)._ready.is_set)
            (pid,) = [row["pid"] for row in await sql.fetch(LISTENERS)]
            assert await sql.fetchval("SELECT pg_terminate_backend($1)", pid)
            await eventually(lambda: not _waiter(pgq.queries)._ready.is_set())
            gate.set()  # its end is told to nobody
            assert await within(waiting) is JobStatus.COMPLETED
    finally:
        logging.getLogger("pg_scheduler.client.completion_waiter").setLevel(logging.NOTSET)


async def test_a_wait_that_may_not_ask_to_be_told_does_not_ask_all_the_time(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def refused(job_id: str) -> None:
        asked.append(job_id)
        raise DatabaseError("permission denied", "42501")

    monkeypatch.setattr(client.driver.signals, "await_job", refused)
    (handle,) = await client.enqueue("nobody")
    waiting = asyncio.create_task(handle.wait())
    await eventually(lambda: len(asked) > 1)
    with pytest.raises(WaitTimeout):
        await handle.wait(0.5)
    assert len(asked) < 100
    await handle.cancel()
    assert await within(waiting) is JobStatus.CANCELLED


def _waiter(queries: Queries) -> CompletionWaiter:
    """What waits for the jobs of this client: it shows whether it listens."""
    waiter = queries.client.waiter
    assert isinstance(waiter, CompletionWaiter)
    return waiter
