"""Jobs that are submitted side by side share statements, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from pg_scheduler import ConnectionLost, Queries, Scheduler
from pg_scheduler.client import submit_batcher as bundling
from pg_scheduler.client import submit_retry as submitting
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.source import Library
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.model import NewJob
from pg_scheduler.testing.memory import MemoryDriver
from pg_scheduler.testing.memory.jobs import MemoryJobs
from pg_scheduler.testing.memory.state import MemoryState
from tests.support.running import later, within


async def job(number: int) -> None: ...


class SlowJobs(MemoryJobs):
    """Lets a statement go only when told to; refuses what it is told to refuse."""

    def __init__(self, state: MemoryState) -> None:
        super().__init__(state)
        self.sent: list[int] = []
        self.go = asyncio.Event()
        self.refused = ""
        self.broken = False

    async def submit(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        now: datetime | None = None,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Submission]:
        self.sent.append(len(jobs))
        await self.go.wait()
        if self.broken:
            raise ConnectionLost("gone")
        if self.refused and any(self.refused in one.task_data for one in jobs):
            raise DatabaseError("a check of somebody's own", "23514")
        return await super().submit(jobs, conflict, now=now, batch_size=batch_size)


@pytest.fixture
async def driver() -> MemoryDriver:
    made = MemoryDriver()
    made.jobs = SlowJobs(made.state)
    return made


@pytest.fixture
def store(driver: MemoryDriver) -> SlowJobs:
    assert isinstance(driver.jobs, SlowJobs)
    return driver.jobs


@pytest.fixture
def scheduler(driver: MemoryDriver) -> Scheduler:
    return Scheduler(driver)


async def begun(scheduler: Scheduler, numbers: range) -> list[asyncio.Task[JobHandle]]:
    tasks = [
        asyncio.create_task(scheduler.schedule(job, execution_time=later(), args=(number,)))
        for number in numbers
    ]
    await asyncio.sleep(0.02)
    return tasks


async def test_who_submits_alone_sends_at_once(scheduler: Scheduler, store: SlowJobs) -> None:
    store.go.set()
    for number in range(3):
        await scheduler.schedule(job, execution_time=later(), args=(number,))
    assert store.sent == [1, 1, 1]


async def test_what_comes_meanwhile_goes_together(scheduler: Scheduler, store: SlowJobs) -> None:
    tasks = await begun(scheduler, range(20))
    assert store.sent == [1, 1]
    store.go.set()
    ids = await within(asyncio.gather(*tasks))
    assert store.sent == [1, 1, 18]
    for number, job_id in enumerate(ids):
        record = await scheduler.driver.insight.job(job_id)
        assert record is not None
        assert f"[{number}]" in record.task_data


async def test_single_jobs_of_queries_share_too(driver: MemoryDriver, store: SlowJobs) -> None:
    queries = Queries(driver)
    tasks = [asyncio.create_task(queries.enqueue("mail", b"%d" % n)) for n in range(9)]
    await asyncio.sleep(0.02)
    store.go.set()
    found = await within(asyncio.gather(*tasks))
    assert store.sent == [1, 1, 7]
    assert len({handles[0] for handles in found}) == 9


async def test_a_bundle_has_a_bound(
    scheduler: Scheduler, store: SlowJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "MOST_JOBS", 5)
    tasks = await begun(scheduler, range(14))
    store.go.set()
    await within(asyncio.gather(*tasks))
    assert store.sent == [1, 1, 5, 5, 2]


async def test_large_jobs_do_not_pile_up_in_one_statement(
    scheduler: Scheduler, store: SlowJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundling, "MOST_CHARACTERS", 10)
    tasks = await begun(scheduler, range(5))
    store.go.set()
    await within(asyncio.gather(*tasks))
    assert store.sent == [1] * 5


async def test_a_job_that_is_refused_takes_no_other_with_it(scheduler: Scheduler, store: SlowJobs) -> None:
    store.refused = "[7]"
    tasks = await begun(scheduler, range(10))
    store.go.set()
    found = await within(asyncio.gather(*tasks, return_exceptions=True))
    wrong = [number for number, one in enumerate(found) if isinstance(one, BaseException)]
    assert wrong == [7]
    assert isinstance(found[7], DatabaseError)
    assert sum((await scheduler.driver.insight.counts()).values()) == 9


async def test_a_lost_connection_is_told_to_all_and_ends_nothing(
    scheduler: Scheduler, store: SlowJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "PATIENCE", 0.0)
    store.broken = True
    tasks = await begun(scheduler, range(6))
    store.go.set()
    found = await within(asyncio.gather(*tasks, return_exceptions=True))
    assert {type(one) for one in found} == {ConnectionLost}
    store.broken = False
    await within(scheduler.schedule(job, execution_time=later(), args=(0,)))


async def test_who_is_cancelled_before_his_turn_has_stored_nothing(
    scheduler: Scheduler, store: SlowJobs
) -> None:
    tasks = await begun(scheduler, range(6))
    tasks[4].cancel()
    await asyncio.sleep(0)
    store.go.set()
    found = await within(asyncio.gather(*tasks, return_exceptions=True))
    assert [number for number, one in enumerate(found) if isinstance(one, BaseException)] == [4]
    assert store.sent == [1, 1, 3]
    assert sum((await scheduler.driver.insight.counts()).values()) == 5


async def test_who_is_cancelled_first_holds_up_nobody(scheduler: Scheduler, store: SlowJobs) -> None:
    tasks = await begun(scheduler, range(4))
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0.02)
    store.go.set()
    found = await within(asyncio.gather(*tasks, return_exceptions=True))
    assert [isinstance(one, str) for one in found] == [False, False, True, True]


def test_each_event_loop_submits_its_own() -> None:
    """One that stands still while a statement is under way leaves nothing that another would wait for, and
    goes on where it was."""
    scheduler = Scheduler(MemoryDriver())
    jobs = scheduler.driver.jobs
    go = asyncio.Event()

    async def slow(*args: Any, **kwargs: Any) -> list[Submission]:
        await go.wait()
        return await type(jobs).submit(jobs, *args, **kwargs)

    with asyncio.Runner() as runner, pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "submit", slow)
        tasks = runner.run(begun(scheduler, range(4)))
        patched.undo()
        asyncio.run(within(scheduler.schedule(job, execution_time=later(), args=(9,))))
        go.set()
        runner.run(within(waited(tasks)))
    assert len({task.result() for task in tasks}) == 4


async def waited(tasks: list[asyncio.Task[JobHandle]]) -> None:
    await asyncio.wait(tasks)


async def test_what_an_event_loop_left_in_the_middle_sends_nothing_when_it_is_collected() -> None:
    scheduler = Scheduler(MemoryDriver())
    jobs = scheduler.driver.jobs
    sent: list[int] = []
    submissions = [scheduler.schedule(job, execution_time=later(), args=(number,)) for number in range(3)]

    async def never(submitted: Sequence[NewJob], *_: Any, **__: Any) -> None:
        sent.append(len(submitted))
        await asyncio.get_running_loop().create_future()

    async def begin() -> None:
        for submission in submissions:
            submission.send(None)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "submit", never)
        await asyncio.to_thread(asyncio.run, begin())
        for submission in submissions:
            submission.close()  # as its collection does
        await asyncio.sleep(0)
    assert sent == [1, 1]


async def test_side_by_side_over_every_library(dsn: str, library: Library) -> None:
    async with Scheduler.connect(dsn, library=library) as running:
        ran: list[int] = []

        async def note(number: int) -> None:
            ran.append(number)

        running.register(note)
        handles = await asyncio.gather(
            *(running.schedule(note, execution_time=later(-1), args=(n,)) for n in range(100))
        )
        for handle in handles:
            assert await handle.wait(timeout=45) == "completed"
        assert sorted(ran) == list(range(100))
