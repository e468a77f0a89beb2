"""The application: views of one engine, names, running and stopping."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from pg_scheduler import InvalidInput, Job, JobStatus, PgQueuer, Queries, QueueManager, SchedulerManager
from pg_scheduler.testing import MemoryDriver
from tests.entrypoint_style.conftest import MakeApp
from tests.support.running import eventually, within

pytestmark = pytest.mark.slow_with("psycopg")


async def test_the_views_of_an_application_share_one_engine() -> None:
    pgq = PgQueuer.in_memory()
    assert pgq.qm.scheduler is pgq.sm.scheduler is pgq.scheduler
    assert pgq.queries.driver is pgq.scheduler.driver
    async with pgq:
        assert pgq.qm.scheduler.is_running
        assert pgq.sm.scheduler.worker_id == pgq.scheduler.worker_id
    assert not pgq.qm.scheduler.is_running


async def test_resources_are_shared_by_all_jobs_of_an_application(pgq: PgQueuer) -> None:
    pgq.resources["greeting"] = "hello"
    heard = []

    @pgq.entrypoint("greet", accepts_context=True)
    async def greet(job: Job, context: object) -> None:
        heard.append(context.resources["greeting"])  # type: ignore[attr-defined]

    async with pgq:
        (handle,) = await pgq.queries.enqueue("greet")
        await handle.wait(20)
    assert heard == ["hello"]


async def test_a_second_entrypoint_of_a_name_is_a_runtime_error(pgq: PgQueuer) -> None:
    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None: ...

    async def other(job: Job) -> None: ...

    with pytest.raises(RuntimeError, match="'fetch'"):
        pgq.entrypoint("fetch")
    with pytest.raises(RuntimeError, match="'fetch'"):
        pgq.qm.entrypoint("fetch")(other)
    first, second = pgq.entrypoint("late"), pgq.entrypoint("late")
    first(fetch)
    with pytest.raises(RuntimeError, match="'late'"):
        second(other)


async def test_another_view_cannot_take_the_name_either(pgq: PgQueuer) -> None:
    @pgq.entrypoint("fetch")
    async def fetch(job: Job) -> None: ...

    async def other(job: Job) -> None: ...

    with pytest.raises((RuntimeError, ValueError), match="'fetch'"):
        QueueManager(pgq.scheduler).entrypoint("fetch")(other)


async def test_a_refused_entrypoint_leaves_its_name_free(pgq: PgQueuer) -> None:
    async def fetch(job: Job) -> None: ...

    with pytest.raises(InvalidInput, match="timeout"):
        pgq.entrypoint("fetch", timeout=-1)
    with pytest.raises(InvalidInput, match="entrypoint"):
        pgq.entrypoint("fetch")(5)  # type: ignore[type-var]
    pgq.entrypoint("fetch")(fetch)
    assert pgq.scheduler.task_map["fetch"] is fetch


async def test_a_function_may_serve_two_names_each_with_its_own_policy(pgq: PgQueuer) -> None:
    seen = []

    @pgq.entrypoint("brief", timeout=0.05, max_retries=7)
    @pgq.entrypoint("long")
    async def work(job: Job) -> None:
        seen.append(job.entrypoint)
        await asyncio.sleep(0.3 if job.entrypoint == "long" else 60)

    assert pgq.scheduler._registry.resolve("long").timeout is None  # type: ignore[union-attr]

    @pgq.entrypoint("third")
    async def third(job: Job) -> None: ...

    pgq.entrypoint("fourth", timeout=5, max_retries=3)(third)
    pgq.entrypoint("fifth")(third)
    fifth = pgq.scheduler._registry.resolve("fifth")
    assert fifth is not None
    assert (fifth.timeout, fifth.max_retries) == (None, 0)
    async with pgq:
        (handle,) = await pgq.queries.enqueue("long")
        assert await handle.wait(20) is JobStatus.COMPLETED
    assert seen == ["long"]


async def test_jobs_of_unknown_names_stay_queued_until_somebody_knows_them(
    app: MakeApp, client: Queries
) -> None:
    ignorant, knowing = app(), app()

    @ignorant.entrypoint("known")
    @knowing.entrypoint("unknown")
    async def work(job: Job) -> None: ...

    (strange,) = await client.enqueue("unknown")
    (known,) = await client.enqueue("known")
    async with ignorant:
        assert await known.wait(20) is JobStatus.COMPLETED
        assert await strange.status() is JobStatus.PENDING
        async with knowing:
            assert await strange.wait(20) is JobStatus.COMPLETED


@pytest.mark.parametrize("name", ["tenant:sync", "tenant.sync"])
async def test_an_entrypoint_takes_no_jobs_of_a_name_that_is_a_part_of_its_own(name: str) -> None:
    pgq = PgQueuer.in_memory()

    @pgq.entrypoint(name)
    async def work(job: Job) -> None: ...

    (part,) = await pgq.queries.enqueue("sync")
    (whole,) = await pgq.queries.enqueue(name)
    await pgq.run(mode="drain")
    assert await whole.status() is JobStatus.COMPLETED
    assert await part.status() is JobStatus.PENDING


async def test_run_ends_when_it_is_told_to(pgq: PgQueuer) -> None:
    done = asyncio.Event()

    @pgq.entrypoint("stop")
    async def stop(job: Job) -> None:
        done.set()

    running = asyncio.create_task(pgq.run())
    await eventually(lambda: pgq.scheduler.is_running)
    await pgq.queries.enqueue("stop")
    await within(done.wait())
    await pgq.shutdown()
    await within(running)
    assert not pgq.scheduler.is_running


async def test_a_cancelled_run_shuts_down_and_leaves_nothing_running(pgq: PgQueuer, client: Queries) -> None:
    started = asyncio.Event()

    @pgq.entrypoint("long")
    async def long(job: Job) -> None:
        started.set()
        await asyncio.sleep(3600)

    running = asyncio.create_task(pgq.run(shutdown_timeout=0))
    (handle,) = await client.enqueue("long")
    await within(started.wait())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(running)
    assert await handle.status() is JobStatus.PENDING


async def test_a_drain_runs_what_is_due_and_leaves_the_rest(pgq: PgQueuer, client: Queries) -> None:
    ran = []

    @pgq.entrypoint("step")
    async def step(job: Job) -> None:
        ran.append(job.payload)
        if job.payload == b"first":
            await pgq.queries.enqueue("step", b"second")

    await client.enqueue("step", b"first")
    (later,) = await client.enqueue("step", b"later", execute_after=timedelta(hours=1))
    await within(pgq.run(mode="drain"))
    assert ran == [b"first", b"second"]
    assert await later.status() is JobStatus.PENDING


async def test_an_application_runs_again_after_its_end(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("step")
    def step(job: Job) -> None: ...

    for _ in range(2):
        (handle,) = await client.enqueue("step")
        await within(pgq.run(mode="drain"))
        assert await handle.status() is JobStatus.COMPLETED


async def test_dequeue_timeout_is_how_an_idle_worker_looks_by_itself() -> None:
    pgq = PgQueuer(MemoryDriver())
    running = asyncio.create_task(pgq.run(dequeue_timeout=timedelta(seconds=7), batch_size=3))
    await eventually(lambda: pgq.scheduler.is_running)
    assert pgq.scheduler.worker.settings.polling.interval == 7.0
    assert pgq.scheduler.worker.settings.batch_limit == 3
    await pgq.shutdown()
    await within(running)


async def test_the_shortest_retry_timer_is_the_lease_of_the_worker() -> None:
    pgq = PgQueuer.in_memory()
    assert pgq.scheduler.lease == timedelta(seconds=60)

    @pgq.entrypoint("patient", retry_timer=timedelta(seconds=40))
    @pgq.entrypoint("brisk", retry_timer=5)
    @pgq.entrypoint("none")
    async def work(job: Job) -> None: ...

    assert pgq.scheduler.lease == timedelta(seconds=5)


async def test_a_view_of_queries_does_not_close_the_engine_under_it(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("step")
    async def step(job: Job) -> None: ...

    async with pgq:
        async with pgq.queries as queries:
            (first,) = await queries.enqueue("step")
            assert await first.wait(20) is JobStatus.COMPLETED
        (second,) = await client.enqueue("step")
        assert await second.wait(20) is JobStatus.COMPLETED


async def test_the_managers_work_alone_over_a_driver_of_their_own() -> None:
    qm, sm = QueueManager(MemoryDriver()), SchedulerManager(MemoryDriver())
    assert qm.scheduler is not sm.scheduler

    @qm.entrypoint("step")
    async def step(job: Job) -> None: ...

    (handle,) = await qm.queries.enqueue("step")
    await within(qm.run(mode="drain"))
    assert await handle.status() is JobStatus.COMPLETED
    await within(sm.run(mode="drain"))
