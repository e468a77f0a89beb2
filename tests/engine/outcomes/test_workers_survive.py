"""What a job does to itself, it does to nobody else."""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from pg_scheduler import JobStatus, Queries, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.testing import MemoryDriver
from tests.engine.outcomes.failures import OwnBase
from tests.support import jobs
from tests.support.processes import ROOT, WorkerProcess
from tests.support.running import eventually, idle, past

pytestmark = pytest.mark.slow_with("psycopg")

EXITS: list[type[BaseException]] = [KeyboardInterrupt, SystemExit, GeneratorExit, OwnBase]


async def fine() -> str:
    return "fine"


@pytest.mark.parametrize("library", [None, "asyncpg", "psycopg"], ids=str)
@pytest.mark.parametrize("raised", EXITS)
async def test_an_exit_in_a_coroutine_fails_its_own_job_only(
    dsn: str, library: Library | None, raised: type[BaseException]
) -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        raise raised("from the coroutine")

    async with Scheduler(MemoryDriver() if library is None else dsn, library=library) as scheduler:
        bad = await scheduler.schedule(leave, execution_time=past())
        assert await bad.wait(timeout=45) is JobStatus.FAILED
        good = await scheduler.schedule(fine, execution_time=past(), store_result=True)
        assert await good.result(timeout=45) == "fine"
        record = await scheduler.driver.insight.job(bad)
        (history,) = await scheduler.driver.insight.attempts(bad)
    assert record is not None
    assert record.error_message == f"{raised.__name__}: from the coroutine"
    assert history.outcome == "failed"


async def test_a_job_that_raises_keyboard_interrupt_ends_no_worker(
    dsn: str, library: Library, tmp_path: Path
) -> None:
    """In a process of its own, where SIGINT is the scheduler's business."""
    log = tmp_path / "log"
    async with idle(Scheduler.connect(dsn)) as client:
        bad = await client.schedule(jobs.interrupt, execution_time=past(), args=(str(log),))
        async with WorkerProcess(dsn, library, lease=30) as worker:
            assert await bad.wait(timeout=45) is JobStatus.FAILED
            good = await client.schedule(jobs.touch, execution_time=past(), args=(str(log),))
            assert await good.wait(timeout=45) is JobStatus.COMPLETED
            worker.send(signal.SIGTERM)
            assert (await worker.finished())[0] == 0
    assert len(jobs.notes(log, "started")) == 1


_CTRL_C = """
import asyncio, sys
from pg_scheduler import Scheduler
from tests.support.running import past

async def job():
    print("running", flush=True)
    while True:
        sum(range(1000))

async def main():
    async with Scheduler({source}) as scheduler:
        await scheduler.schedule(job, execution_time=past())
        await asyncio.sleep(60)

asyncio.run(main())
"""


def test_a_real_ctrl_c_still_ends_a_program_whose_job_blocks_the_loop() -> None:
    """The control: the interrupt is not taken for the job's own. Twice, as asyncio.run wants it."""
    program = _CTRL_C.format(source="__import__('pg_scheduler.testing').testing.MemoryDriver()")
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "running\n"
            complained = _interrupted(process)
        finally:
            process.kill()
    assert process.returncode != 0
    assert "KeyboardInterrupt" in complained


def _interrupted(process: subprocess.Popen[str]) -> str:
    """What it wrote to stderr when it had ended."""
    # The first is noted by a handler in the main thread, which is busy: the second may only come after it.
    for _ in range(100):
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=0.2)[1]
        except subprocess.TimeoutExpired:
            pass
    raise AssertionError("it did not end")


async def test_a_row_that_takes_no_verdict_holds_up_nobody(
    dsn: str, library: Library, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async with Scheduler.connect(dsn, library=library, max_concurrent_jobs=1) as scheduler:
        await sql.execute(
            "ALTER TABLE scheduled_jobs ADD CHECK (job_id <> 'stuck' OR status IN ('pending', 'running'))"
        )
        stuck = await scheduler.schedule(fine, execution_time=past(5), job_id="stuck")
        good = await scheduler.schedule(fine, execution_time=past())
        assert await good.wait(timeout=45) is JobStatus.COMPLETED
        assert await stuck.status() is JobStatus.RUNNING
        await eventually(lambda: "cannot be stored in any form" in caplog.text)
        assert not scheduler.worker.services.active.leases(), "so its lease runs out"
    assert "after the lease was lost" not in caplog.text


@pytest.mark.parametrize("poison", ['"\x00"', '"\ud800"', "no JSON at all"])
async def test_a_result_that_only_the_library_refuses_ends_its_job(
    dsn: str, library: Library, poison: str
) -> None:
    class Careless(JsonCodec):
        def encode_result(self, value: object) -> str:
            return poison

    async with Scheduler.connect(dsn, library=library, codec=Careless()) as scheduler:
        handle = await scheduler.schedule(fine, execution_time=past(), store_result=True)
        assert await handle.wait(timeout=45) is JobStatus.COMPLETED
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert "could not be stored" in (record.error_message or "")


async def test_a_log_handler_that_fails_changes_no_verdict(
    dsn: str, library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the log is full")

    async def fails() -> None:
        raise ValueError("its own reason")

    log, broken = logging.getLogger("pg_scheduler.engine.running.runner"), Broken()
    caplog.set_level(logging.INFO, logger="pg_scheduler.engine.running.runner")
    log.addHandler(broken)
    try:
        async with Scheduler.connect(dsn, library=library) as scheduler:
            handle = await scheduler.schedule(fails, execution_time=past())
            assert await handle.wait(timeout=45) is JobStatus.FAILED
            record = await scheduler.driver.insight.job(handle)
    finally:
        log.removeHandler(broken)
    assert record is not None
    assert record.error_message == "ValueError: its own reason"


async def test_bytes_that_look_like_deep_json_are_bytes(dsn: str, library: Library) -> None:
    payload = b"[" * 200_000
    async with Scheduler.connect(dsn, library=library) as scheduler, Queries(scheduler) as queries:
        scheduler.register(length_of, name="length_of")
        (handle,) = await queries.enqueue("length_of", payload, store_result=True)
        assert await handle.result(timeout=45) == len(payload)


async def length_of(payload: bytes) -> int:
    return len(payload)


async def test_arguments_near_the_limit_reach_another_process(dsn: str) -> None:
    """As JSON within JSON they are larger than they were."""
    text = '"' * (4 * 1024 * 1024)
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(
            len_of, execution_time=past(), args=(text,), executor="process", store_result=True
        )
        assert await handle.result(timeout=30) == len(text)


def len_of(text: str) -> int:
    return len(text)
