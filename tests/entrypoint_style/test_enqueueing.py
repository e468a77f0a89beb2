"""Enqueueing: batches, keys, and the caller's own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from pg_scheduler import (
    DuplicateJob,
    InvalidInput,
    Job,
    JobSpec,
    JobStatus,
    PgQueuer,
    PollingConfig,
    Queries,
)
from pg_scheduler.client.source import Library
from pg_scheduler.domain.model import NewJob
from tests.contract.callers import CALLERS
from tests.entrypoint_style.conftest import MakeDriver
from tests.support.running import BriskScheduler, eventually, past, within


async def test_a_single_job_too_gives_a_list_of_one_id(client: Queries) -> None:
    handles = await client.enqueue("fetch")
    assert [type(handles), len(handles)] == [list, 1]
    assert await handles[0].status() is JobStatus.PENDING


async def test_a_batch_keeps_its_order_and_scalars_hold_for_all(client: Queries) -> None:
    soon = datetime(2100, 1, 1, tzinfo=UTC)
    handles = await client.enqueue(
        ["a", "b", "c"], (b"1", None, b"3"), 4, [soon, timedelta(hours=1), None], headers={"of": "all"}
    )
    records = [await client.job(handle) for handle in handles]
    assert [record and record.task_name for record in records] == ["a", "b", "c"]
    assert [record and record.payload for record in records] == [b"1", None, b"3"]
    assert {record and record.rank for record in records} == {1}
    assert records[0] is not None
    assert records[0].execution_time == soon
    assert sorted(handles) == handles


async def test_a_list_of_payloads_is_a_batch_for_one_entrypoint(client: Queries) -> None:
    assert len(await client.enqueue("a", [b"1", b"2"])) == 2
    assert await client.enqueue([], []) == []
    (size,) = await client.queue_size()
    assert (size.entrypoint, size.priority, size.status, size.count) == ("a", 0, JobStatus.PENDING, 2)


async def test_lists_that_differ_in_length_are_refused_and_nothing_is_stored(client: Queries) -> None:
    with pytest.raises(InvalidInput, match=r"entrypoint: 2, payload: 2, priority: 1"):
        await client.enqueue(["a", "b"], [b"1", b"2"], [1])
    with pytest.raises(InvalidInput, match="priority: is a list"):
        await client.enqueue("a", b"1", [1, 2])
    assert await client.log_statistics() == dict.fromkeys(await client.log_statistics(), 0)


async def test_a_batch_is_stored_as_a_whole_or_not_at_all(client: Queries) -> None:
    await client.enqueue("a", dedupe_key="taken")
    with pytest.raises(DuplicateJob, match="'taken'"):
        await client.enqueue(["a", "b", "c"], dedupe_key=["free", "taken", None])
    with pytest.raises(InvalidInput) as refused:
        await client.enqueue(["a", "b"], [b"1", "text"])  # type: ignore[list-item]
    assert "job 1 of the batch" in refused.value.__notes__[0]
    with pytest.raises(DuplicateJob, match="'twice'"):
        await client.enqueue(["a", "b"], dedupe_key=["twice", "twice"])
    assert sum(size.count for size in await client.queue_size()) == 1


async def test_a_dedupe_key_is_free_again_once_its_job_has_ended(pgq: PgQueuer, client: Queries) -> None:
    @pgq.entrypoint("a")
    async def a(job: Job) -> None: ...

    (first,) = await client.enqueue("a", dedupe_key="order 1")
    with pytest.raises(ValueError, match="order 1"):
        await client.enqueue("b", dedupe_key="order 1")
    assert await client.enqueue("b", dedupe_key="order 1", on_duplicate="ignore") == [first]
    async with pgq:
        await first.wait(20)
    (second,) = await client.enqueue("a", dedupe_key="order 1")
    assert second != first


async def test_an_ignored_duplicate_stands_in_its_place_in_a_batch(client: Queries) -> None:
    (taken,) = await client.enqueue("a", dedupe_key="one")
    handles = await client.enqueue(
        "a", [b"1", b"2", b"3"], dedupe_key=["two", "one", None], on_duplicate="ignore"
    )
    assert handles[1] == taken
    assert len({taken, *handles}) == 3


async def test_the_id_of_an_ignored_duplicate_is_that_of_a_stored_job(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the way ends after it stood in the way, and before anybody looks who it was."""
    (taken,) = await client.enqueue("a", dedupe_key="one")
    duplicates = client.driver.insight.duplicates
    ended: list[bool] = []

    async def ending_first(keys: Collection[str], *, connection: object = None) -> dict[str, str]:
        if not ended:
            ended.append(await taken.cancel())
        return await duplicates(keys, connection=connection)

    monkeypatch.setattr(client.driver.insight, "duplicates", ending_first)
    handles = await client.enqueue(
        "a", [b"1", b"2", b"3"], dedupe_key=["two", "one", "two"], on_duplicate="ignore"
    )
    assert ended == [True]
    assert [await handle.status() for handle in handles] == [JobStatus.PENDING] * 3
    assert (handles[0], taken in handles, len({*handles})) == (handles[2], False, 2)


async def test_a_key_that_stands_twice_in_a_batch_is_that_of_its_first_job_though_it_has_ended(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = client.driver.jobs.submit

    async def ended_at_once(jobs: Sequence[NewJob], *args: Any, **kwargs: Any) -> Any:
        answers = await submit(jobs, *args, **kwargs)
        await client.cancel([jobs[0].job_id])
        return answers

    monkeypatch.setattr(client.driver.jobs, "submit", ended_at_once)
    first, second = await client.enqueue("a", [b"1", b"2"], dedupe_key="k", on_duplicate="ignore")
    assert first == second
    assert await first.status() is JobStatus.CANCELLED


@pytest.mark.parametrize("kind", CALLERS)
async def test_jobs_of_one_transaction_start_in_the_order_in_which_they_were_stored(
    kind: str, dsn: str
) -> None:
    """All of them are due in one instant: that at which the transaction began."""
    caller, library = CALLERS[kind], cast(Library, kind.partition(" ")[0])
    pgq = PgQueuer(BriskScheduler(dsn, library=library, periodic_jobs_enabled=False))
    ran: list[int] = []
    done = asyncio.Event()

    @pgq.entrypoint("a", serialized_dispatch=True)
    async def a(job: Job) -> None:
        ran.append(int(job.payload or b""))
        if len(ran) == 30:
            done.set()

    await pgq.queries.open()
    async with caller(dsn) as mine:
        for number in range(30):
            await pgq.queries.enqueue("a", b"%d" % number, connection=mine.connection)
        await mine.commit()
    async with pgq:
        await within(done.wait())
    assert ran == list(range(30))


async def test_jobs_of_one_bulk_start_in_their_order(drivers: MakeDriver) -> None:
    ran: list[int] = []
    done = asyncio.Event()

    async def work(number: int) -> None:
        ran.append(number)
        if len(ran) == 150:
            done.set()

    scheduler = BriskScheduler(drivers(), periodic_jobs_enabled=False, max_concurrent_jobs=1)
    await scheduler.initialize_db()
    due = past()
    await scheduler.schedule_bulk([JobSpec(work, due, args=(number,)) for number in range(150)])
    async with scheduler:
        await within(done.wait())
    assert ran == list(range(150))


@pytest.mark.parametrize("kind", CALLERS)
async def test_a_rollback_leaves_nothing_and_a_commit_wakes_the_worker(kind: str, dsn: str) -> None:
    caller, library = CALLERS[kind], cast(Library, kind.partition(" ")[0])
    polling = PollingConfig(interval=50, interval_without_listen=50)
    pgq = PgQueuer(BriskScheduler(dsn, library=library, periodic_jobs_enabled=False, polling_config=polling))

    @pgq.entrypoint("a")
    async def a(job: Job) -> None: ...

    async with pgq:
        await eventually(lambda: pgq.scheduler.worker.listening)
        async with caller(dsn) as mine:
            (lost,) = await pgq.queries.enqueue("a", connection=mine.connection)
            await mine.rollback()
        async with caller(dsn) as mine:
            (kept,) = await pgq.queries.enqueue("a", connection=mine.connection)
            assert await pgq.queries.job(kept) is None
            await mine.commit()
            assert await kept.wait(20) is JobStatus.COMPLETED
        assert await pgq.queries.job(lost) is None


async def test_clearing_a_queue_cancels_what_is_queued_there_only(client: Queries) -> None:
    cleared = await client.enqueue("a", [None] * 3)
    (other,) = await client.enqueue("b")
    assert await client.clear_queue("a") == 3
    assert set((await client.job_status(cleared)).values()) == {JobStatus.CANCELLED}
    assert await other.status() is JobStatus.PENDING
    assert await client.clear_queue() == 1
