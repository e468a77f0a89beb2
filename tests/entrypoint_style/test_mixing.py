"""Both styles in one process and one table: each side finds the other's tasks by name."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from pg_scheduler import Job, JobPriority, JobStatus, PgQueuer, Queries, Schedule, Scheduler
from pg_scheduler.engine.tasks.task_loader import tasks_of
from pg_scheduler.testing import LeftBehind, drain
from tests.entrypoint_style.conftest import MakeDriver
from tests.support.running import past, within

pytestmark = pytest.mark.slow_with("psycopg")

Seen = list[Any]


@pytest.mark.usefixtures("client")
async def test_the_function_style_schedules_an_entrypoint_by_its_name(pgq: PgQueuer) -> None:
    seen: Seen = []

    @pgq.entrypoint("send.mail")
    async def send(job: Job) -> None:
        seen.append((job.payload, job.priority, job.entrypoint))

    given = {"args": [1], "kwargs": {"to": "a"}}
    await pgq.scheduler.schedule_job("send.mail", past(), given, JobPriority.CRITICAL)
    await pgq.scheduler.schedule_job("send.mail", past(), None)
    await within(pgq.run(mode="drain", max_concurrent_tasks=1))
    (first, *rest) = seen
    assert (json.loads(first[0]), *first[1:]) == (given, 4, "send.mail")
    assert rest == [(None, 0, "send.mail")]


async def test_the_queue_side_enqueues_a_task_of_the_function_style(pgq: PgQueuer, client: Queries) -> None:
    seen: Seen = []

    async def work(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    pgq.scheduler.register(work, name="app:work")
    payloads = [
        None,
        b'{"args": [1, "a"], "kwargs": {"k": null}}',
        b'{"kwargs": {"k": 2}}',
        b"\x00raw",
        b"{}",
        b"[1]",
    ]
    handles = await client.enqueue("app:work", payloads)
    await within(pgq.run(mode="drain", max_concurrent_tasks=1))
    assert [await handle.status() for handle in handles] == [JobStatus.COMPLETED] * len(payloads)
    assert seen == [
        ((), {}),
        ((1, "a"), {"k": None}),
        ((), {"k": 2}),
        ((b"\x00raw",), {}),
        ((b"{}",), {}),
        ((b"[1]",), {}),
    ]


async def test_a_task_is_found_by_its_functions_own_name(pgq: PgQueuer, client: Queries) -> None:
    ran: Seen = []

    async def tidy() -> None:
        ran.append(True)

    pgq.scheduler.register(tidy, name="app.house:tidy")
    (handle,) = await client.enqueue("tidy")
    await within(pgq.run(mode="drain"))
    assert (ran, await handle.status()) == ([True], JobStatus.COMPLETED)


@pytest.mark.parametrize("name", ["fetch", "db.fetch", "db:fetch"])
async def test_a_schedule_is_run_on_demand_by_its_name(name: str, pgq: PgQueuer, client: Queries) -> None:
    seen: list[Schedule] = []

    @pgq.schedule(name, "0 0 1 1 *")
    async def fetch(schedule: Schedule) -> None:
        seen.append(schedule)

    (handle,) = await client.enqueue(name)
    await within(pgq.run(mode="drain"))
    assert await handle.status() is JobStatus.COMPLETED
    (schedule,) = seen
    assert (schedule.id, schedule.entrypoint, schedule.window) == (handle, name, None)


async def test_an_entrypoint_comes_before_a_schedule_of_the_same_name(pgq: PgQueuer, client: Queries) -> None:
    ran: Seen = []

    @pgq.schedule("fetch", "0 0 1 1 *")
    async def scheduled(schedule: Schedule) -> None:
        ran.append("schedule")

    @pgq.entrypoint("fetch")
    async def enqueued(job: Job) -> None:
        ran.append("entrypoint")

    await client.enqueue("fetch")
    await within(pgq.run(mode="drain"))
    assert ran == ["entrypoint"]


async def test_both_styles_share_one_table_and_one_order(pgq: PgQueuer, client: Queries) -> None:
    order: Seen = []

    async def plain(number: int) -> None:
        order.append(number)

    @pgq.entrypoint("queued")
    async def queued(job: Job) -> None:
        order.append(int(job.payload or b"0"))

    when = datetime(2020, 1, 1, tzinfo=UTC)
    scheduler = pgq.scheduler
    await scheduler.schedule(plain, execution_time=when, args=(3,), misfire_grace_time=None)
    await scheduler.schedule(
        plain, execution_time=when, args=(1,), priority=JobPriority.CRITICAL, misfire_grace_time=None
    )
    await client.enqueue("queued", [b"2", b"4"], [2, -3], when)
    await within(pgq.run(mode="drain", max_concurrent_tasks=1))
    assert order == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["mail", "__main__:mail", "tidy"])
async def test_a_handler_of_the_main_module_is_no_task_of_a_scheduler_beside_it(
    name: str, pgq: PgQueuer, client: Queries, drivers: MakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Seen = []

    async def mail(job: Job) -> None:
        seen.append(job.payload)

    async def tidy(schedule: Schedule) -> None:
        seen.append(schedule.entrypoint)

    main = type(sys)("__main__")
    main.__spec__ = None
    monkeypatch.setitem(sys.modules, "__main__", main)
    for func in (mail, tidy):
        func.__module__, func.__qualname__ = "__main__", func.__name__
        setattr(main, func.__name__, func)
    if name == "tidy":
        pgq.schedule(name, "0 0 1 1 *")(tidy)
    else:
        pgq.entrypoint(name)(mail)
    assert tasks_of(main) == ([mail] if name == "tidy" else [tidy])  # the other one is offered as ever
    beside = Scheduler(drivers(), periodic_jobs_enabled=False)
    await client.enqueue(name, b"hello")
    try:
        await beside.open()
        await beside.load_task_functions()  # as its start does
        with pytest.warns(LeftBehind):
            await drain(beside)
    finally:
        await beside.driver.close()
    assert (seen, dict(beside.task_map)) == ([], {})
    await within(pgq.run(mode="drain"))
    assert seen == (["tidy"] if name == "tidy" else [b"hello"])
