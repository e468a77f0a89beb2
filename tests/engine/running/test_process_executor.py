"""CPU work in worker processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pg_scheduler import InvalidInput, JobFailed, JobSpec, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import Progress
from pg_scheduler.executors import ProcessExecutor
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext
from tests.support import jobs
from tests.support.processes import ROOT, WorkerProcess, alive
from tests.support.running import eventually, past, within

pytestmark = pytest.mark.slow_with("psycopg")


async def test_a_top_level_function_runs_in_another_process(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        result = await scheduler.schedule(jobs.square, execution_time=past(), args=(12,), store_result=True)
        pid = await scheduler.schedule(jobs.own_pid, execution_time=past(), store_result=True)
        assert await result.result(timeout=45) == 144
        assert await pid.result(timeout=45) != os.getpid()


async def test_processes_are_used_again(dsn: str) -> None:
    async with Scheduler.connect(dsn, max_concurrent_jobs=1) as scheduler:
        handles = [
            await scheduler.schedule(jobs.own_pid, execution_time=past(), store_result=True) for _ in range(4)
        ]
        assert len({await handle.result(timeout=45) for handle in handles}) == 1


async def test_a_process_ends_after_so_many_jobs(dsn: str) -> None:
    executors = {"process": ProcessExecutor(1, jobs_per_process=2)}
    with pytest.raises(InvalidInput, match="jobs_per_process"):
        ProcessExecutor(jobs_per_process=0)
    async with Scheduler.connect(dsn, max_concurrent_jobs=1, executors=executors) as scheduler:
        handles = [
            await scheduler.schedule(jobs.own_pid, execution_time=past(), store_result=True) for _ in range(3)
        ]
        pids = [await handle.result(timeout=45) for handle in handles]
        assert len(set(pids)) == 2
        await eventually(lambda: sum(map(alive, set(pids))) == 1)


async def test_a_job_knows_itself_in_another_process_and_says_how_far_it_got(
    dsn: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(
            jobs.tells_of_itself,
            execution_time=past(),
            args=(str(gate),),
            headers={"tenant": "acme"},
            store_result=True,
            max_retries=1,
        )
        watching = handle.watch(every=0.05)
        while (info := await within(anext(watching))).progress is None:
            assert not info.status.finished
        assert (info.progress.done, info.progress.total) == (1.0, 3.0)
        gate.touch()
        assert await handle.result(timeout=45) == [handle, 1, 1, {"tenant": "acme"}, "no driver"]
        await watching.aclose()
    # The last word came before the answer, and none after it.
    async with Scheduler.connect(dsn) as scheduler:
        assert await scheduler.handle(handle).progress() == Progress(3.0, 3.0)


async def test_an_exception_arrives_with_its_remote_traceback(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(jobs.divide, execution_time=past(), args=(1, 0))
        assert await handle.wait(timeout=45) == "failed"
        (attempt,) = await scheduler.driver.insight.attempts(handle)
        assert "ZeroDivisionError: division by zero" in (attempt.error_message or "")
        assert "return number / by" in (attempt.traceback or "")
        with pytest.raises(JobFailed, match="return number / by"):
            await handle.result()


@pytest.mark.parametrize(("by", "tries"), [(0, 3), ("not a number", 1)])
async def test_the_retry_policy_sees_the_class_that_was_raised_remotely(
    dsn: str, tmp_path: Path, by: object, tries: int
) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(
            jobs.divide_patiently, execution_time=past(), args=(trace, 1, by), max_retries=2
        )
        assert await handle.wait(timeout=45) == "failed"
    assert len(jobs.notes(trace, "tried")) == tries


async def test_a_process_can_snooze(dsn: str, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(
            jobs.rest_first, execution_time=past(), args=(trace,), store_result=True
        )
        assert await handle.result(timeout=45) == "rested"
        record = await scheduler.driver.insight.job(handle)
    assert record is not None
    assert (record.attempt_count, record.retry_count) == (1, 0)


async def test_a_process_that_vanishes_fails_its_own_job_only(
    dsn: str, library: Library, tmp_path: Path
) -> None:
    async with Scheduler.connect(dsn, library=library, max_concurrent_jobs=1) as scheduler:
        bad = await scheduler.schedule(jobs.vanish, execution_time=past(), args=(str(tmp_path / "trace"),))
        assert await bad.wait(timeout=45) == "failed"
        record = await scheduler.driver.insight.job(bad)
        assert record is not None
        assert "exit code 3" in (record.error_message or "")
        assert record.crash_count == 0
        good = await scheduler.schedule(jobs.square, execution_time=past(), args=(3,), store_result=True)
        assert await good.result(timeout=45) == 9


async def test_a_process_killed_from_outside_fails_the_job_and_is_retried(dsn: str, tmp_path: Path) -> None:
    trace = str(tmp_path / "trace")
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(jobs.spin, execution_time=past(), args=(trace,), max_retries=1)
        (pid,) = await eventually(lambda: jobs.notes(trace, "started"))
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: scheduler.driver.insight.attempts(handle))
        (attempt,) = await scheduler.driver.insight.attempts(handle)
        assert (attempt.outcome, "WorkerProcessDied" in (attempt.traceback or "")) == ("retry", True)


async def test_a_result_that_cannot_travel_does_not_undo_the_work(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        plain = await scheduler.schedule(jobs.unstorable, execution_time=past())
        stored = await scheduler.schedule(jobs.unstorable, execution_time=past(), store_result=True)
        assert await plain.wait(timeout=45) == "completed"
        assert await stored.wait(timeout=45) == "completed"
        record = await scheduler.driver.insight.job(stored)
        assert record is not None
        assert "builtins.object cannot be stored" in (record.error_message or "")


async def test_a_function_that_no_other_process_can_find_fails_with_the_reason(dsn: str) -> None:
    def local() -> None: ...

    async with Scheduler.connect(dsn) as scheduler:
        with pytest.raises(InvalidInput, match="Define it at the top level"):
            await scheduler.schedule(local, execution_time=past(), executor="process")
        own = ProcessExecutor()
        handle = await scheduler.schedule(local, execution_time=past(), executor=own)
        assert await handle.wait(timeout=45) == "failed"
        record = await scheduler.driver.insight.job(handle)
        assert record is not None
        assert "Define it at the top level" in (record.error_message or "")
        assert InvalidInput.__name__ in (record.error_message or "")


async def test_processes_end_with_a_killed_worker(
    dsn: str, library: Library, client: Scheduler, tmp_path: Path
) -> None:
    """Even in the middle of a computation that never ends by itself."""
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, library) as worker:
        await client.schedule(jobs.spin, execution_time=past(), args=(trace,))
        (pid,) = await eventually(lambda: jobs.notes(trace, "started"))
        assert pid != worker.process.pid
        worker.send(signal.SIGKILL)
        await eventually(lambda: not alive(pid))


def test_it_runs_in_one_event_loop_after_the_other() -> None:
    executor = ProcessExecutor(max_workers=1)

    async def together() -> list[Any]:
        call, context = Call(jobs.square, [3], {}), JobContext("id", "square", 1, 0, 0, past())
        return await asyncio.gather(*(executor.execute(call, context) for _ in range(2)))

    try:
        assert [asyncio.run(together()) for _ in range(2)] == [[9, 9], [9, 9]]
    finally:
        asyncio.run(executor.close())


async def test_a_function_may_start_processes(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as scheduler:
        handle = await scheduler.schedule(
            jobs.squares_of, execution_time=past(), args=(4,), store_result=True
        )
        assert await handle.result(timeout=45) == [0, 1, 4, 9]


async def test_what_a_function_started_ends_when_it_is_told_to(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:
        handle = await scheduler.schedule(jobs.children_told_to_end, execution_time=past(), store_result=True)
        assert await handle.result(timeout=45) == [-signal.SIGTERM, -signal.SIGTERM]


async def test_what_a_function_left_behind_ends_with_the_worker(
    dsn: str, client: Scheduler, tmp_path: Path
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn) as worker:
        handle = await client.schedule(jobs.leave_behind, execution_time=past(), args=(trace,))
        assert await handle.wait(timeout=45) == "completed"
        (child,) = await eventually(lambda: jobs.notes(trace, "started"))
        assert alive(child)
        worker.send(signal.SIGTERM)
        await eventually(lambda: not alive(child))


@pytest.mark.parametrize(
    "how", ["cancelled", "worker killed", pytest.param("process killed", marks=pytest.mark.slow)]
)
async def test_what_a_function_started_ends_with_it(
    dsn: str, client: Scheduler, tmp_path: Path, how: str
) -> None:
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn) as worker:
        handle = await client.schedule(jobs.breed, execution_time=past(), args=(trace,))
        (parent,) = await eventually(lambda: jobs.notes(trace, "bred"))
        (child,) = await eventually(lambda: jobs.notes(trace, "started"))
        if how == "cancelled":
            assert await client.cancel_job(handle)
        elif how == "worker killed":
            worker.send(signal.SIGKILL)
        else:
            os.kill(parent, signal.SIGKILL)
            assert await handle.wait(timeout=45) == "failed"
        await eventually(lambda: not alive(parent))
        await eventually(lambda: not alive(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_whole_group_leaves_the_running_job_to_the_worker(
    dsn: str, client: Scheduler, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C in a terminal goes to every process of the group, and so does the stop of a service manager;
    only the worker decides what it means."""
    trace = str(tmp_path / "trace")
    async with WorkerProcess(dsn, new_session=True) as worker:
        handle = await client.schedule(jobs.crunch, execution_time=past(), args=(trace,), store_result=True)
        await eventually(lambda: jobs.notes(trace, "started"))
        os.killpg(worker.process.pid, number)
        assert await worker.says() == "stopping"
        jobs.note(f"{trace}.gate", "open")
        code, _, complained = await worker.finished()
    assert code == 0, complained
    assert await handle.result(timeout=45) == "crunched"


async def test_more_jobs_than_processes_take_turns(dsn: str) -> None:
    async with Scheduler.connect(dsn, max_concurrent_jobs=8) as scheduler:
        handles = await scheduler.schedule_bulk(
            [JobSpec(jobs.square, past(), args=(number,), store_result=True) for number in range(8)]
        )
        results = await asyncio.gather(*(handle.result(timeout=30) for handle in handles if handle))
    assert results == [number * number for number in range(8)]


async def test_a_program_that_forgets_to_shut_down_ends_all_the_same(dsn: str) -> None:
    """Its worker process is idle, or busy; it is killed when the interpreter ends."""
    program = (
        "import asyncio, sys\n"
        "from pg_scheduler.engine.executors import ProcessExecutor\n"
        "from pg_scheduler.ports.executor import Call\n"
        "from pg_scheduler.ports.job_context import JobContext\n"
        "from tests.support import jobs\n"
        "from tests.support.running import past\n"
        "async def main():\n"
        "    context = JobContext('id', 'own_pid', 1, 0, 0, past())\n"
        "    executor = ProcessExecutor()\n"
        "    print(await executor.execute(Call(jobs.own_pid, [], {}), context))\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    said, _ = await within(process.communicate())
    assert process.returncode == 0
    assert not alive(int(said))
