"""One scheduler in one event loop after the other, as several `asyncio.run()` have it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading

import pytest

from pg_scheduler import ConfigurationError, Queries, Scheduler, task
from pg_scheduler.client.source import Library
from pg_scheduler.testing import MemoryDriver

ran: list[str] = []


@task
async def note(name: str) -> None:
    """Something to run."""
    ran.append(name)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    ran.clear()


async def _runs(scheduler: Scheduler, name: str) -> str:
    await scheduler.start()
    await (await scheduler.enqueue(note, name)).wait(timeout=10)
    return scheduler.worker_id


def test_a_run_whose_loop_was_closed_is_over_and_the_next_begins(caplog: pytest.LogCaptureFixture) -> None:
    scheduler = Scheduler(MemoryDriver())
    with caplog.at_level(logging.WARNING, logger="pg_scheduler"):
        first = asyncio.run(_runs(scheduler, "first"))
        assert not scheduler.is_running
        second = asyncio.run(_runs(scheduler, "second"))
    assert (ran, first == second) == (["first", "second"], False)
    assert f"the event loop of worker {first} was closed without shutdown()" in caplog.text
    asyncio.run(scheduler.shutdown())


def test_it_does_not_start_beside_a_run_in_another_loop() -> None:
    scheduler = Scheduler(MemoryDriver())
    with asyncio.Runner() as runner:
        runner.run(_runs(scheduler, "first"))
        for refused in (scheduler.start, scheduler.open):
            with pytest.raises(ConfigurationError, match="started in another event loop"):
                asyncio.run(refused())
        runner.run(_runs(scheduler, "second"))
        runner.run(scheduler.shutdown())
    assert ran == ["first", "second"]


PROGRAM = """
import asyncio, sys
from pg_scheduler import ConfigurationError, PgQueuer, Queries, Scheduler, task

@task
async def note(): pass

scheduler = Scheduler(sys.argv[1], library=sys.argv[2])
queries = Queries(sys.argv[1], library=sys.argv[2])
queuer = PgQueuer(sys.argv[1], library=sys.argv[2])
ids = []

@queuer.entrypoint("mail")
async def mail(job): pass

async def once(started):
    (mailed,) = await queries.enqueue("mail")  # it makes the tables, too
    if started:
        await scheduler.start()
        job = await scheduler.enqueue(note)
        assert await job.wait(timeout=20) == "completed"
        ids.append(scheduler.worker_id)
    else:
        await scheduler.enqueue(note)
    await queuer.scheduler.start()
    assert await mailed.wait(timeout=20) == "completed"

for started in (False, True, True):
    asyncio.run(once(started))
assert len(set(ids)) == 2
asyncio.run(scheduler.shutdown())
asyncio.run(queries.close())
asyncio.run(queuer.scheduler.shutdown())
"""


def test_with_a_connection_string_it_connects_in_each_loop_anew(dsn: str, library: Library) -> None:
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), dsn, library]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    expected = ("closed without shutdown()", "task 'mail' is not known to this worker")
    told = [line for line in done.stderr.splitlines() if not any(part in line for part in expected)]
    assert (done.stdout, told, done.returncode) == ("", [], 0)


def test_what_is_open_in_a_loop_that_still_runs_is_refused(dsn: str, library: Library) -> None:
    queries = Queries(dsn, library=library)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(queries.open(), loop).result(20)
        for refused in (queries.open, queries.close):
            with pytest.raises(ConfigurationError, match="another event loop, which still runs"):
                asyncio.run(refused())
        asyncio.run_coroutine_threadsafe(queries.close(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
