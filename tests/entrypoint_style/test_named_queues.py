"""Named queues in both styles: what may be said where, and what a worker serves."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from pg_scheduler import InvalidInput, Job, JobSpec, PgQueuer, Queries, Scheduler, current_job, periodic, task
from pg_scheduler.client.periodic_registry import registered
from pg_scheduler.testing import drain
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import past, within

pytestmark = pytest.mark.slow_with("psycopg")


@task(queue="mail")
async def send() -> None: ...


async def plain() -> None: ...


@pytest.fixture
def scheduler(pgq: PgQueuer) -> Scheduler:
    return pgq.scheduler


async def queue_of(scheduler: Scheduler, job_id: str) -> str:
    return (await scheduler.client.record(job_id)).queue


@pytest.mark.usefixtures("client")
async def test_a_job_waits_where_its_call_says_else_where_its_task_says(scheduler: Scheduler) -> None:
    assert await queue_of(scheduler, await scheduler.enqueue(plain)) == "default"
    assert await queue_of(scheduler, await scheduler.enqueue(send)) == "mail"
    assert await queue_of(scheduler, await scheduler.schedule(send, execution_time=past())) == "mail"
    assert await queue_of(scheduler, await scheduler.schedule(send, queue="bulk")) == "bulk"
    assert await queue_of(scheduler, await scheduler.using(queue="bulk").enqueue(plain)) == "bulk"
    assert await queue_of(scheduler, await send.using(scheduler=scheduler, queue="q").enqueue()) == "q"
    specs = [JobSpec(send, past()), JobSpec(send, past(), queue="bulk"), JobSpec("unknown", past())]
    jobs = await scheduler.schedule_bulk(specs)
    assert [await queue_of(scheduler, str(job)) for job in jobs] == ["mail", "bulk", "default"]
    many = await scheduler.schedule_bulk([JobSpec(send, past())] * 120)
    assert {await queue_of(scheduler, str(job)) for job in many[:3]} == {"mail"}, "by COPY, too"


@pytest.mark.parametrize("queue", ["", 7, "a\nb", "x" * 256])
async def test_what_is_no_name_is_refused(scheduler: Scheduler, client: Queries, queue: Any) -> None:
    with pytest.raises(InvalidInput, match="queue"):
        await scheduler.schedule(plain, queue=queue)
    with pytest.raises(InvalidInput, match="queue"):
        await client.enqueue("plain", queue=queue)
    with pytest.raises(InvalidInput, match="queue"):
        task(queue=queue)
    with pytest.raises(InvalidInput, match="queue"):
        await client.pause_queue(queue)


@pytest.mark.parametrize("queues", [[], "mail", 7, ["mail", ""]])
def test_what_a_worker_cannot_serve_is_refused(queues: Any) -> None:
    with pytest.raises(InvalidInput, match="queue"):
        Scheduler("postgresql://", queues=queues)


async def test_an_entrypoint_says_where_jobs_of_its_own_program_wait(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("parcel", queue="mail")
    async def parcel(job: Job) -> None: ...

    (own,) = await pgq.queries.enqueue("parcel")
    (other,) = await client.enqueue("parcel")
    batch = await client.enqueue(["parcel", "letter"], [None, None], queue=["bulk", None])
    found = [await queue_of(pgq.scheduler, job) for job in (own, other, *batch)]
    assert found == ["mail", "default", "bulk", "default"]


async def test_a_worker_serves_its_queues_and_the_job_knows_its_own(app: MakeApp, client: Queries) -> None:
    ran: list[tuple[str, str]] = []
    pgq = app()

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        ran.append((job.queue, current_job().queue))

    await client.enqueue(["work"] * 4, [None] * 4, [0, 1, 2, 3], queue=["a", "b", "c", None])
    pgq.scheduler.reconfigure(queues=["a", "c"])
    await within(pgq.run(mode="drain", max_concurrent_tasks=1))
    assert ran == [("c", "c"), ("a", "a")]
    assert {job.queue for job in await client.jobs(status="pending")} == {"b", "default"}


async def test_filters_choose_by_queue(client: Queries) -> None:
    await client.enqueue(["work"] * 3, [None] * 3, queue=["a", "b", "a"])
    assert [job.queue for job in await client.jobs(queue="a")] == ["a", "a"]
    assert await client.cancel(queue="a", status="pending") == 2
    assert [job.queue for job in await client.jobs(status="pending")] == ["b"]


async def test_a_paused_queue_is_passed_by_until_it_is_resumed(pgq: PgQueuer, client: Queries) -> None:
    ran: list[str] = []

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        ran.append(job.queue)

    assert await client.pause_queue("a")
    assert [paused.queue for paused in await client.paused_queues()] == ["a"]
    await client.enqueue(["work"] * 2, [None] * 2, queue=["a", "b"])
    await drain(pgq.scheduler)
    assert ran == ["b"]
    assert await client.resume_queue("a")
    await drain(pgq.scheduler)
    assert ran == ["b", "a"]


async def test_a_limited_queue_runs_no_more_of_all_its_entrypoints_at_once(
    pgq: PgQueuer, client: Queries
) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def work(job: Job) -> None:
        running[job.queue] += 1
        most[job.queue] = max(most[job.queue], running[job.queue])
        for _ in range(5):
            await asyncio.sleep(0)
        running[job.queue] -= 1

    for name in ("one", "other"):
        pgq.entrypoint(name)(work)
    await client.enqueue(["one"] * 2, [None] * 2, queue="m")
    assert await client.limit_queue("m", concurrency_limit=2)
    assert [(known.queue, known.limits.concurrency) for known in await client.queue_limits()] == [("m", 2)]
    await client.enqueue(["one", "other"] * 3, [None] * 6, queue=["m", "m", "m", "m", "free", "free"])
    await drain(pgq.scheduler)
    assert most["m"] == 2
    assert await client.limit_queue("m")
    assert await client.queue_limits() == []


async def test_limits_of_queues_that_cannot_be_are_refused_by_name(client: Queries) -> None:
    for field, limits in (
        ("concurrency_limit", {"concurrency_limit": 0}),
        ("concurrency_limit", {"concurrency_limit": True}),
        ("requests_per_second", {"requests_per_second": -1}),
        ("requests_per_second", {"requests_per_second": "2"}),
    ):
        with pytest.raises(InvalidInput, match=field):
            await client.limit_queue("m", **limits)
    with pytest.raises(InvalidInput, match="queue"):
        await client.limit_queue("", concurrency_limit=1)
    assert await client.queue_limits() == []


@pytest.mark.usefixtures("client")
async def test_runs_of_schedules_wait_in_the_queue_of_the_schedule_else_of_its_task(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pg_scheduler.client.periodic_registry._registered", {})
    await scheduler.add_schedule(send, every=timedelta(hours=1), key="of the task")
    await scheduler.add_schedule(send, every=timedelta(hours=1), key="said", queue="bulk")
    periodic(every=timedelta(hours=1), dedup_key="decorated", queue="nightly")(plain)
    scheduler.periodic_jobs_enabled = True
    assert list(registered()) == ["decorated"]
    await scheduler.register_schedules()
    for key, queue in {"of the task": "mail", "said": "bulk", "decorated": "nightly"}.items():
        job = await scheduler.trigger_periodic_job(key)
        assert job is not None
        assert await queue_of(scheduler, job) == queue
    await scheduler.update_schedule("said", queue="other")
    job = await scheduler.trigger_periodic_job("said")
    assert job is not None
    assert await queue_of(scheduler, job) == "other"


async def test_one_worker_with_several_queues_keeps_the_common_order(pgq: PgQueuer) -> None:
    ran: list[str] = []

    @pgq.entrypoint("work")
    async def work(job: Job) -> None:
        ran.append(f"{job.queue}{job.priority}")

    order = [("a", 1), ("b", 3), ("c", 2), ("a", 3), ("b", 1), ("c", 5)]
    await pgq.queries.enqueue(
        ["work"] * 6, [None] * 6, [rank for _, rank in order], queue=[queue for queue, _ in order]
    )
    pgq.scheduler.reconfigure(queues=["c", "b"], max_concurrent_jobs=1)
    await drain(pgq.scheduler)
    assert ran == ["c5", "b3", "c2", "b1"]
