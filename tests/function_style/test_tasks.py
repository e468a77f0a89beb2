"""Which function a name means: unknown names, closures, conflicts and the live map."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import asyncpg
import pytest

from pg_scheduler import Scheduler, TaskNameConflict
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import JobRecord
from tests.support.running import eventually, past

Job = Callable[[], Awaitable[None]]


async def stored(scheduler: Scheduler, job_id: str) -> JobRecord:
    record = await scheduler.job(job_id)
    assert record is not None
    return record


async def test_an_unknown_name_stays_pending_and_is_reported_once(
    dsn: str, library: Library, client: Scheduler, sql: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def known() -> None: ...

    for number in range(3):
        await client.schedule_job("a.newer.version:task", past(60), None, job_id=f"job-{number}")
    with caplog.at_level(logging.WARNING, "pg_scheduler.engine.tasks.unknown_tasks"):
        async with Scheduler.connect(dsn, library=library) as scheduler:
            await scheduler.worker.services.unknown_tasks.report()
            (waiting,) = await scheduler.worker.services.unknown_tasks.report()
            handle = await scheduler.schedule(known, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"
    assert (waiting.task_name, waiting.count) == ("a.newer.version:task", 3)
    (warning,) = [one for one in caplog.records if one.name == "pg_scheduler.engine.tasks.unknown_tasks"]
    assert vars(warning)["task"] == "a.newer.version:task"
    rows = await sql.fetch(
        "SELECT DISTINCT status, attempt_count FROM scheduled_jobs WHERE job_id LIKE 'job-%'"
    )
    assert [tuple(row) for row in rows] == [("pending", 0)]


async def test_known_jobs_are_not_held_up_by_unknown_ones(
    dsn: str, client: Scheduler, sql: asyncpg.Connection
) -> None:
    async def known() -> None: ...

    for number in range(50):
        await client.schedule_job("unknown:task", past(60), None, job_id=f"job-{number}", priority=1)
    async with Scheduler.connect(dsn, batch_claim_limit=3) as scheduler:
        handle = await scheduler.schedule(known, execution_time=past())
        assert await handle.wait(timeout=45) == "completed"


async def test_two_closures_over_equal_lists_each_run_with_their_own(dsn: str, library: Library) -> None:
    """Equal at the time of the call, but two lists all the same."""

    def make() -> tuple[Job, list[str]]:
        seen: list[str] = []

        async def job() -> None:
            seen.append("ran")

        return job, seen

    (one, of_one), (other, of_other) = make(), make()
    names: dict[Job, set[str]] = {one: set(), other: set()}
    async with Scheduler.connect(dsn, library=library) as scheduler:
        for func, times in ((one, 2), (other, 3)):
            for _ in range(times):
                handle = await scheduler.schedule(func, execution_time=past())
                assert await handle.wait(timeout=45) == "completed"
                names[func].add((await stored(scheduler, handle)).task_name)
    assert not names[one] & names[other]
    assert (len(of_one), len(of_other)) == (2, 3)


async def test_methods_of_two_objects_each_run_on_their_own(dsn: str) -> None:
    class Account:
        def __init__(self) -> None:
            self.runs = 0

        async def book(self) -> None:
            self.runs += 1

    one, other = Account(), Account()
    async with Scheduler.connect(dsn) as scheduler:
        for account in (one, other, one):
            handle = await scheduler.schedule(account.book, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"
    assert (one.runs, other.runs) == (2, 1)


async def test_a_def_executed_again_is_the_same_task(dsn: str) -> None:
    def make() -> Job:
        async def job() -> None: ...

        return job

    async with Scheduler.connect(dsn) as scheduler:
        for _ in range(3):
            await scheduler.schedule(make(), execution_time=past())
        assert len(scheduler.task_map) == 1


async def test_two_functions_of_one_name_are_refused(dsn: str) -> None:
    async with Scheduler.connect(dsn) as scheduler:

        async def job() -> None: ...

        first = job
        await scheduler.schedule(first, execution_time=past())

        async def job() -> None:
            raise AssertionError

        with pytest.raises(TaskNameConflict, match="already names another function"):
            await scheduler.schedule(job, execution_time=past())
        scheduler.register(job, name="the second one")
        await scheduler.schedule(job, execution_time=past())


async def test_one_chosen_name_cannot_mean_two_closures(dsn: str) -> None:
    def make(number: int) -> Job:
        async def job() -> None:
            print(number)

        return job

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.register(make(1), name="chosen")
        scheduler.register(make(1), name="chosen")
        with pytest.raises(TaskNameConflict):
            scheduler.register(make(2), name="chosen")


async def test_what_has_no_name_can_be_registered_under_one(dsn: str, library: Library) -> None:
    seen: list[str] = []

    async def note(text: str) -> None:
        seen.append(text)

    nameless = partial(note, "from a partial")
    async with Scheduler.connect(dsn, library=library) as scheduler:
        scheduler.register(nameless, name="noting")
        for call in (nameless, "noting"):
            handle = await scheduler.schedule(call, execution_time=past())
            assert await handle.wait(timeout=45) == "completed"
    assert seen == ["from a partial"] * 2


async def test_the_policy_given_at_registration_holds_when_the_function_is_scheduled(dsn: str) -> None:
    async def job() -> None:
        raise OSError

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.register(job, timeout=5)
        await scheduler.schedule(job, execution_time=past())
        task = scheduler.task_for(job)
    assert task.timeout is not None
    assert task.timeout.total_seconds() == 5


async def test_the_task_map_is_live_and_can_be_changed(dsn: str, library: Library, client: Scheduler) -> None:
    seen: list[str] = []

    async def first() -> None:
        seen.append("first")

    async def second() -> None:
        seen.append("second")

    def plain() -> None:
        seen.append("plain")

    async with Scheduler.connect(dsn, library=library) as scheduler:
        for func in (first, second, plain):
            scheduler.task_map["by-hand"] = func
            assert scheduler.task_map["by-hand"] is func
            handle = await client.schedule_job("by-hand", past(), None)
            assert await handle.wait(timeout=45) == "completed"
    assert seen == ["first", "second", "plain"]


async def test_a_name_taken_out_of_the_map_is_not_claimed_any_more(dsn: str, client: Scheduler) -> None:
    ran = 0

    async def job() -> None:
        nonlocal ran
        ran += 1

    async def another_runs() -> None:
        assert await (await scheduler.schedule(job, execution_time=past())).wait(timeout=45) == "completed"

    async def given_back() -> JobRecord | None:
        record = await stored(client, unclaimed)
        return record if record.status == "pending" else None

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.task_map["by-hand"] = job
        await (await client.schedule_job("by-hand", past(), None)).wait(timeout=45)
        del scheduler.task_map["by-hand"]
        with pytest.raises(KeyError):
            scheduler.task_map["by-hand"]
        assert "by-hand" not in scheduler.task_map
        unclaimed = await client.schedule_job("by-hand", past(), None)
        await another_runs()
        # A claim that was under way may have taken it.
        before = await eventually(given_back)
        await another_runs()
        assert await stored(client, unclaimed) == before
    assert ran == 3


async def test_junk_in_the_task_map_is_refused_and_what_was_there_stays(dsn: str) -> None:
    async def job() -> None: ...

    async with Scheduler.connect(dsn) as scheduler:
        scheduler.task_map["by-hand"] = job
        with pytest.raises(TypeError):
            scheduler.task_map["by-hand"] = 5  # type: ignore[assignment]
        assert scheduler.task_map["by-hand"] is job
        assert dict(scheduler.task_map) == {"by-hand": job}
