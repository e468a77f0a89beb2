"""Results and waiting: told by a signal, whatever happens to the connection that hears it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

import asyncpg
import pytest

from pg_scheduler import (
    ConnectionLost,
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
from pg_scheduler.db import driver_over
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import eventually, within

LISTENERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query ILIKE 'LISTEN%_ends%'
"""


@pytest.fixture
def slow_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever only looks, looks too late for any test. Wait before the worker starts: a row that is being
    claimed cannot be marked as awaited, and would be looked at only."""
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
    waiting = asyncio.create_task(handle.result())
    await eventually(lambda: _waiter(client)._ready.is_set() and handle in _waiter(client)._marked)
    async with pgq:
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


@pytest.fixture
def deleting(app: MakeApp) -> PgQueuer:
    """An application that keeps no job, with an entrypoint that waits for the gate."""
    at_once = VacuumPolicy.immediate()
    return app(vacuum_config=VacuumConfig(completed=at_once, failed=at_once, cancelled=at_once))


async def test_who_waits_for_a_job_that_is_deleted_as_it_ends_learns_how_it_ended(
    deleting: PgQueuer, client: Queries
) -> None:
    gate = asyncio.Event()

    @deleting.entrypoint("work")
    async def work(job: Job) -> int:
        await gate.wait()
        if job.payload:
            raise OSError("as planned")
        return 42

    fine, bad, alone = await client.enqueue("work", [None, b"bad", None], store_result=True)
    async with deleting:
        waiting = asyncio.gather(fine.result(20), bad.result(20), return_exceptions=True)
        await eventually(lambda: {fine, bad} <= _waiter(client)._marked)
        gate.set()
        result, failed = await within(waiting)
        assert result == 42
        assert isinstance(failed, JobFailed)
        assert (failed.status, failed.error) == (JobStatus.FAILED, "OSError: as planned")
        assert "raise OSError" in (failed.traceback or "")
        await eventually(lambda: _is_gone(client, alone))  # nobody waited for it
        with pytest.raises(JobNotFound):
            await alone.wait(1)


async def _is_gone(client: Queries, job_id: str) -> bool:
    return await client.job(job_id) is None


@pytest.mark.usefixtures("slow_polls")
async def test_a_signal_that_anybody_may_send_ends_no_wait(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    async with Queries(driver_over(dsn, library=library)) as client:
        forged, other = await client.enqueue("nobody", [None, None])
        waiting = asyncio.create_task(forged.wait())
        await eventually(lambda: _waiter(client)._ready.is_set() and forged in _waiter(client)._marked)
        for word in ("completed", "failed", "nonsense"):
            await sql.execute("SELECT pg_notify('pg_scheduler_ends.public', $1)", f"{word} {forged}")
        # Signals arrive in their order, so this one has overtaken none of them.
        told = asyncio.create_task(other.wait())
        await eventually(lambda: other in _waiter(client)._marked)
        await other.cancel()
        assert await within(told) is JobStatus.CANCELLED
        assert not waiting.done()
        await forged.cancel()
        assert await within(waiting) is JobStatus.CANCELLED


async def test_many_waits_share_each_look(client: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "PAUSE_WHEN_NOTIFIED", 0.05)
    looks: list[int] = []
    statuses = client.driver.insight.statuses

    async def counted(job_ids: Collection[str]) -> dict[str, JobStatus]:
        looks.append(len(job_ids))
        return await statuses(job_ids)

    monkeypatch.setattr(client.driver.insight, "statuses", counted)
    handles = await client.enqueue("nobody", [None] * 300)
    waiting = asyncio.gather(*(handle.wait() for handle in handles))
    await eventually(lambda: looks.count(300) >= 3)
    # The first ones begin in one round of the loop, and those that it leaves behind share the next.
    assert len(looks) <= looks.count(300) + 10
    await client.cancel(handles)
    assert set(await within(waiting)) == {JobStatus.CANCELLED}


async def test_a_wait_outlasts_a_database_that_is_out_of_reach(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pause in ("FIRST_PAUSE", "MAX_PAUSE", "PAUSE_WHEN_NOTIFIED"):
        monkeypatch.setattr(ends, pause, 0.01)
    statuses, failures = client.driver.insight.statuses, 0
    (handle,) = await client.enqueue("nobody")
    waiting = asyncio.create_task(handle.wait())
    await eventually(lambda: handle in _waiter(client)._seen)

    async def lost(job_ids: Collection[str]) -> dict[str, JobStatus]:
        nonlocal failures
        failures += 1
        if failures < 5:
            raise ConnectionLost("gone")
        return await statuses(job_ids)

    monkeypatch.setattr(client.driver.insight, "statuses", lost)
    await eventually(lambda: failures > 5)
    await handle.cancel()
    assert await within(waiting) is JobStatus.CANCELLED


async def test_a_wait_that_begins_while_the_database_is_out_of_reach_fails(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(job_ids: Collection[str]) -> dict[str, JobStatus]:
        raise ConnectionLost("gone")

    monkeypatch.setattr(client.driver.insight, "statuses", lost)
    (handle,) = await client.enqueue("nobody")
    with pytest.raises(ConnectionLost):
        await within(handle.wait(20))


def test_one_client_waits_in_several_event_loops(dsn: str, library: Library) -> None:
    client = Queries(driver_over(dsn, library=library))

    async def once() -> JobStatus:
        (handle,) = await client.enqueue("nobody")
        waiting = asyncio.create_task(handle.wait(20))
        await asyncio.sleep(0)
        await handle.cancel()
        status = await waiting
        await client.close()
        return status

    assert [asyncio.run(once()) for _ in range(2)] == [JobStatus.CANCELLED] * 2


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
    waiting = asyncio.gather(*(handle.wait() for handle in handles))
    await eventually(lambda: _waiter(pgq.queries)._ready.is_set() and len(_waiter(pgq.queries)._marked) == 20)
    assert await listeners() == 1
    async with pgq:
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
    await eventually(lambda: second in _waiter(client)._marked)
    await second.cancel()
    assert await within(waiting) is JobStatus.CANCELLED
    await client.close()


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

    async def refused(job_ids: Collection[str]) -> set[str]:
        asked.append(job_ids)
        raise DatabaseError("permission denied", "42501")

    monkeypatch.setattr(client.driver.signals, "await_jobs", refused)
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
