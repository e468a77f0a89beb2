"""What jobs are about is in no log record from INFO on: arguments, payloads, headers, results.

The message of an exception that a job raises is logged with its traceback (and stored): those are the words
of its author, who decides what is in them.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pg_scheduler import (
    Context,
    Job,
    JobStatus,
    PgQueuer,
    RetryPolicy,
    Scheduler,
    Snooze,
    UnencodablePayload,
    current_job,
    task,
)
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.executors import RetryWithBackoffEntrypointExecutor
from pg_scheduler.testing import MemoryDriver
from tests.support.databases import give_back, new_database
from tests.support.running import BriskScheduler, eventually, later, past

SECRET = "Marker7Marker"
AT_ONCE = RetryPolicy(base=timedelta(0))


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Each record from INFO on as anybody may show it: message, facts, traceback with all causes."""
    told = []
    for record in caplog.records:
        if record.levelno >= logging.INFO:
            error = record.exc_info[1] if record.exc_info else None
            trace = "".join(traceback.format_exception(error)) if error else ""
            told.append(f"{record.name} {record.levelname} {record.getMessage()} {vars(record)} {trace}")
    return told


def leaks(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in lines(caplog) if SECRET in line]


@pytest.fixture(params=["memory", "asyncpg", "psycopg"])
async def store(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[tuple[Any, str | None]]:
    """A driver, and the database behind it."""
    caplog.set_level(logging.DEBUG)
    if request.param == "memory":
        yield MemoryDriver(), None
        return
    server = request.getfixturevalue("server")
    dsn = await new_database(server)
    yield driver_over(dsn, library=request.param), dsn
    await give_back(server, dsn)


async def fine(text: str) -> str:
    return text


async def fails(text: str) -> None:
    raise ValueError("words of the author")


async def fails_with_cause(text: str) -> None:
    try:
        {1: 1}[0]
    except KeyError as error:
        raise RuntimeError("more words") from error


_snoozed: set[str] = set()


async def snoozes(text: str) -> None:
    if current_job().job_id not in _snoozed:
        _snoozed.add(current_job().job_id)
        raise Snooze(timedelta(0))


async def hangs(text: str) -> None:
    await asyncio.sleep(3600)


async def blocks(text: str) -> None:
    import time

    time.sleep(2.5)  # noqa: ASYNC251 - blocking is what this job is for


async def returns_an_object(text: str) -> object:
    return [text, object()]


def in_a_thread(text: str) -> None:
    raise OSError("from the thread")


def in_a_process(text: str) -> None:
    raise OSError("from the process")


def dies(text: str) -> None:
    import os

    os._exit(3)


@task(timeout=0.05)
async def slow(text: str) -> None:
    await asyncio.sleep(3600)


@pytest.mark.slow
async def test_whatever_happens_to_a_job_no_record_tells_what_it_is_about(
    store: tuple[Any, str | None], caplog: pytest.LogCaptureFixture
) -> None:
    driver, dsn = store
    scheduler = BriskScheduler(driver, retry_policy=AT_ONCE, max_concurrent_jobs=30)
    pgq = PgQueuer(scheduler)
    retrying = RetryWithBackoffEntrypointExecutor

    @pgq.entrypoint("queued", accepts_context=True)
    async def queued(job: Job, context: Context) -> None:
        raise ValueError("words of the author")

    @pgq.entrypoint("retried", executor_factory=lambda told: retrying(told, 2, 0.001))
    async def retried(job: Job) -> None:
        raise ValueError("words of the author")

    plain: dict[str, Any] = {"args": (SECRET,), "store_result": True}
    async with scheduler:
        ended = [
            await scheduler.schedule(func, execution_time=past(), max_retries=1, **plain)
            for func in (fine, fails, fails_with_cause, snoozes, returns_an_object, slow, blocks)
        ]
        ended += [
            await scheduler.schedule(func, execution_time=past(), executor=how, **plain)
            for func, how in ((in_a_thread, "thread"), (in_a_process, "process"), (dies, "process"))
        ]
        ended.append(await scheduler.schedule(fine, execution_time=past(), kwargs={"text": SECRET}))
        # A stranger's call, with one argument too many; a job that is too late; one of nobody's.
        name = scheduler.task_for(fine).name
        ended += await pgq.queries.enqueue(name, f'{{"args": ["{SECRET}", 2], "kwargs": {{}}}}'.encode())
        ended += await pgq.queries.enqueue(name, f'{{"args": [{{"$uuid": "{SECRET}"}}]}}'.encode())
        ended.append(await scheduler.schedule(fine, execution_time=past(900), misfire_grace_time=1, **plain))
        await scheduler.schedule_job("app:nobody", later(), {"args": [SECRET]})
        await pgq.queries.enqueue("nobody", SECRET.encode(), headers={"token": SECRET})
        for entrypoint in ("queued", "retried"):
            ended += await pgq.queries.enqueue(entrypoint, SECRET.encode(), headers={"token": SECRET})
        hanging = await scheduler.schedule(hangs, execution_time=past(), **plain)
        for handle in ended:
            assert (await handle.wait(timeout=15)).finished, handle
        assert await hanging.cancel()
        assert await hanging.wait(timeout=45) is JobStatus.CANCELLED
        with pytest.raises(UnencodablePayload):
            await scheduler.schedule(fine, execution_time=past(), args=(object(),))
        lost = await scheduler.schedule(hangs, execution_time=past(), **plain)
        await eventually(lambda: is_running(lost))
        if dsn is not None:
            await lose(dsn, lost)
            await eventually(lambda: any("lease lost" in line for line in lines(caplog)))
        await scheduler.load_task_functions()
        await scheduler.shutdown(timeout=0)
    assert leaks(caplog) == []
    text = "\n".join(lines(caplog))
    assert "words of the author" in text, "the control: failures are logged"


async def is_running(handle: Any) -> bool:
    return await handle.status() is JobStatus.RUNNING


async def lose(dsn: str, job_id: str) -> None:
    """Give the job to somebody else."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "UPDATE scheduled_jobs SET epoch = epoch + 1, worker_id = 'another' WHERE job_id = $1", str(job_id)
    )
    await connection.close()


REFUSED_BY = {
    "a constraint": "ALTER TABLE scheduled_jobs ADD CHECK (status <> 'completed')",
    "a type": "ALTER TABLE scheduled_jobs ALTER COLUMN worker_id TYPE varchar(9)"
    " USING left(worker_id, 9), ADD CHECK (result IS NULL)",
    "a trigger": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.status = 'completed' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON scheduled_jobs FOR EACH ROW EXECUTE FUNCTION refuse()
    """,
}


@pytest.mark.parametrize("by", REFUSED_BY)
async def test_a_row_that_the_database_refuses_is_not_quoted(
    dsn: str, library: Library, sql: asyncpg.Connection, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    """PostgreSQL shows the whole row in the DETAIL of such an error."""
    caplog.set_level(logging.INFO)
    async with Scheduler.connect(dsn, library=library) as scheduler:
        await sql.execute(REFUSED_BY[by])
        await scheduler.schedule(fine, execution_time=past(), args=(SECRET,), store_result=True)
        await eventually(lambda: "verdict refused" in caplog.text)
        await scheduler.shutdown(timeout=0)
    assert leaks(caplog) == []


async def test_nor_is_it_quoted_to_whoever_stores_it(
    dsn: str, library: Library, sql: asyncpg.Connection
) -> None:
    """Its program would log the error."""
    scheduler = Scheduler.connect(dsn, library=library)
    await scheduler.initialize_db()
    await sql.execute("ALTER TABLE scheduled_jobs ADD CHECK (priority <> 5)")
    with pytest.raises(Exception, match="violates check constraint") as refused:
        await scheduler.schedule(fine, execution_time=past(), args=(SECRET,))
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    await scheduler.shutdown()


async def test_a_value_that_the_library_refuses_is_not_quoted(
    dsn: str, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    from pg_scheduler.engine.codec.json_codec import JsonCodec

    class Careless(JsonCodec):
        def encode_result(self, value: object) -> str:
            return f'"{SECRET}\ud800"'

    caplog.set_level(logging.INFO)
    async with Scheduler.connect(dsn, library=library, codec=Careless()) as scheduler:
        handle = await scheduler.schedule(fine, execution_time=past(), args=("x",), store_result=True)
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
    assert "verdict refused" in caplog.text
    assert leaks(caplog) == []
