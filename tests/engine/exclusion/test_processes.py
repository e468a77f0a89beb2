"""Worker processes that compete for one lock; an append-only file tells what really ran."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pg_scheduler import JobStatus
from pg_scheduler.client.source import Library
from tests.engine.exclusion.runs import add_schedule, at_once, ended, trigger
from tests.support.jobs import notes
from tests.support.processes import workers
from tests.support.running import BriskScheduler, eventually, idle

pytestmark = pytest.mark.slow


async def test_runs_that_hold_the_lock_are_never_two_at_once_across_processes(
    dsn: str, library: Library, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with idle(BriskScheduler(dsn, library=library)) as scheduler, workers(3, dsn, library, slots=1):
        await add_schedule(scheduler, "nap", args=(str(journal), 0.3))
        jobs = [await trigger(scheduler) for _ in range(4)]
        assert {await ended(scheduler, job_id) for job_id in jobs} == {JobStatus.COMPLETED}
    assert len(notes(journal, "ended")) == 4
    assert at_once(journal) == 1


async def test_without_the_lock_processes_run_at_once(dsn: str, library: Library, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with idle(BriskScheduler(dsn, library=library)) as scheduler, workers(2, dsn, library, slots=1):
        await add_schedule(scheduler, "nap", args=(str(journal), 60), use_advisory_lock=False)
        for _ in range(2):
            await trigger(scheduler)
        await eventually(lambda: len(notes(journal, "started")) == 2)
    assert at_once(journal) == 2


async def test_the_lock_dies_with_its_worker_and_the_next_run_gets_it(
    dsn: str, library: Library, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with idle(BriskScheduler(dsn, library=library)) as scheduler, workers(2, dsn, library) as crew:
        await add_schedule(scheduler, "nap", args=(str(journal), 1))
        jobs = [await trigger(scheduler) for _ in range(2)]
        (victim,) = await eventually(lambda: notes(journal, "started"))
        (holder,) = [worker for worker in crew if worker.process.pid == victim]
        holder.send(signal.SIGKILL)
        assert {await ended(scheduler, job_id) for job_id in jobs} == {JobStatus.COMPLETED}
    assert len(notes(journal, "ended")) == 2
    assert at_once(journal, killed=(victim,)) == 1
