"""Waiting for many jobs, and watching them: nobody looks more often because many do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

import pytest

from pg_scheduler import (
    ConnectionLost,
    Ended,
    InvalidInput,
    JobHandle,
    JobInfo,
    JobNotFound,
    JobStatus,
    Queries,
    SyncQueries,
    WaitTimeout,
    as_ended,
    wait_all,
)
from pg_scheduler.client import completion_waiter
from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.domain.model import Progress
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.contract.scene import claimed, new, settle, submit
from tests.support.running import eventually, within

CANCELLED = JobStatus.CANCELLED


@pytest.fixture
async def client() -> AsyncIterator[Queries]:
    """One whose jobs nobody runs."""
    async with Queries(MemoryDriver()) as client:
        yield client


@pytest.fixture
def looks(client: Queries, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs each look at their statuses is about."""
    looks: list[int] = []
    statuses = client.driver.insight.statuses

    async def counted(job_ids: Collection[str]) -> dict[str, JobStatus]:
        looks.append(len(job_ids))
        return await statuses(job_ids)

    monkeypatch.setattr(client.driver.insight, "statuses", counted)
    return looks


async def test_all_are_waited_for_and_it_is_told_how_many_have_ended(client: Queries) -> None:
    first, second, third = await client.enqueue("nobody", [None] * 3)
    await second.cancel()
    told: list[tuple[int, int]] = []
    waiting = asyncio.create_task(
        wait_all([first, second, third, first], on_progress=lambda done, total: told.append((done, total)))
    )
    await eventually(lambda: told == [(0, 4), (1, 4)])
    await first.cancel()
    await eventually(lambda: told[-1] == (3, 4))
    await client.driver.jobs.override_status(third, JobStatus.COMPLETED)
    assert await within(waiting) == [CANCELLED, CANCELLED, JobStatus.COMPLETED, CANCELLED]
    assert told == [(0, 4), (1, 4), (3, 4), (4, 4)]
    assert await wait_all([]) == []


async def test_jobs_come_as_they_end_whichever_client_stored_them(client: Queries) -> None:
    first, second = await client.enqueue("nobody", [None] * 2)
    async with Queries(MemoryDriver()) as elsewhere:
        (third,) = await elsewhere.enqueue("nobody")
        gone = elsewhere.handle("gone")
        ending = as_ended([first, second, third, gone])
        seen: list[Ended[object]] = [await within(anext(ending))]
        for job in (second, third, first):
            await job.cancel()
            seen.append(await within(anext(ending)))
        assert seen == [(gone, None), (second, CANCELLED), (third, CANCELLED), (first, CANCELLED)]
        with pytest.raises(StopAsyncIteration):
            await within(anext(ending))


async def test_what_is_gone_is_no_end(client: Queries) -> None:
    (job,) = await client.enqueue("nobody")
    with pytest.raises(JobNotFound, match="gone"):
        await within(wait_all([job, client.handle("gone")]))
    with pytest.raises(InvalidInput, match=r"jobs\[1\]: expected a JobHandle, got 'x'"):
        await wait_all([job, "x"])  # type: ignore[list-item]


async def test_one_that_waits_for_many_in_vain_says_for_how_many(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await client.enqueue("nobody", [None] * 2)
    await first.cancel()
    with pytest.raises(WaitTimeout, match=f"1 of 2 jobs have not ended within 0:00:00.1.*{second}"):
        await wait_all([first, second], timeout=0.1)
    statuses = client.driver.insight.statuses

    async def slow(job_ids: Collection[str]) -> dict[str, JobStatus]:
        await asyncio.sleep(0.05)
        return await statuses(job_ids)

    monkeypatch.setattr(client.driver.insight, "statuses", slow)
    ending = as_ended([first, second], timeout=1e-6)  # there is always time for one look
    assert await within(anext(ending)) == (first, CANCELLED)
    with pytest.raises(WaitTimeout):
        await within(anext(ending))
    assert _waiter(client)._waits == {}


async def test_many_are_one_look_and_those_that_have_ended_are_not_looked_at(
    client: Queries, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion_waiter, "PAUSE_WHEN_NOTIFIED", 0.02)
    handles = await client.enqueue("nobody", [None] * 300)
    ending = as_ended(handles)
    await client.cancel(handles[:200])
    seen = [await within(anext(ending)) for _ in range(200)]
    assert {ended.job for ended in seen} == set(handles[:200])
    await eventually(lambda: looks[-3:] == [100] * 3)
    assert looks[0] == 300
    await ending.aclose()
    assert _waiter(client)._waits == {}


async def test_a_wait_for_many_that_begins_while_the_database_is_out_of_reach_fails(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(job_ids: Collection[str]) -> dict[str, JobStatus]:
        raise ConnectionLost("gone")

    handles = await client.enqueue("nobody", [None] * 2)
    monkeypatch.setattr(client.driver.insight, "statuses", lost)
    with pytest.raises(ConnectionLost):
        await within(wait_all(handles, timeout=20))


def test_many_are_waited_for_without_an_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with SyncQueries(MemoryDriver()) as client:
        ids = client.enqueue("nobody", [None] * 3)
        client.cancel_job(ids[1])
        told: list[tuple[int, int]] = []
        with pytest.raises(WaitTimeout, match="2 of 3 jobs"):
            client.wait_all(ids, 0.01, lambda done, total: told.append((done, total)))
        monkeypatch.setattr(time, "sleep", lambda seconds: client.cancel(ids))
        assert client.wait_all(ids) == [CANCELLED] * 3
        assert told == [(0, 3), (1, 3)]
        with pytest.raises(JobNotFound):
            client.wait_all(["gone"])


async def test_a_watch_shows_each_change_and_the_end_last(client: Queries) -> None:
    driver = client.driver
    await submit(driver, new("job"))
    watching = client.handle("job").watch(every=0.01)
    seen = [await within(anext(watching))]
    job = await claimed(driver)
    seen.append(await within(anext(watching)))
    await driver.jobs.note_progress({job.lease: Progress(3, 10)})
    seen.append(await within(anext(watching)))
    await settle(driver, job, JobEvent.FAIL, error_message="out of paper")
    seen.append(await within(anext(watching)))
    assert [(one.status, one.progress, one.attempt_count, one.error_message) for one in seen] == [
        (JobStatus.PENDING, None, 0, None),
        (JobStatus.RUNNING, None, 1, None),
        (JobStatus.RUNNING, Progress(3, 10), 1, None),
        (JobStatus.FAILED, Progress(3, 10), 1, "out of paper"),
    ]
    assert seen[-1].to_dict() == {
        "job_id": "job",
        "status": "failed",
        "progress": {"done": 3, "total": 10},
        "attempt_count": 1,
        "error_message": "out of paper",
    }
    with pytest.raises(StopAsyncIteration):
        await within(anext(watching))
    with pytest.raises(JobNotFound):
        await within(anext(client.handle("gone").watch()))


async def test_a_watch_is_told_of_the_end_and_goes_on_where_the_job_is_run_again(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = await client.enqueue("nobody")
    watching = job.watch(every=3600)
    await within(anext(watching))
    infos, looks = client.driver.insight.infos, 0

    async def retried_meanwhile(job_ids: Collection[str]) -> dict[str, JobInfo]:
        nonlocal looks
        looks += 1
        if looks == 1:
            await client.driver.jobs.override_status(job, JobStatus.PENDING)
        return await infos(job_ids)

    monkeypatch.setattr(client.driver.insight, "infos", retried_meanwhile)
    following = asyncio.ensure_future(anext(watching))
    await eventually(lambda: job in _waiter(client)._marked)
    await job.cancel()
    await eventually(lambda: looks == 1 and job in _waiter(client)._marked)
    await job.cancel()
    assert (await within(following)).status is CANCELLED
    assert looks == 2
    await watching.aclose()
    await asyncio.sleep(0)
    assert "pg_scheduler looks again" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_many_watches_share_their_statements(client: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    infos = client.driver.insight.infos

    async def counted(job_ids: Collection[str]) -> dict[str, JobInfo]:
        looks.append(len(job_ids))
        return await infos(job_ids)

    monkeypatch.setattr(client.driver.insight, "infos", counted)
    shown: list[JobInfo] = []
    watches = []
    for handle in await client.enqueue("nobody", [None] * 50):
        watches.append(asyncio.create_task(_watched(handle, shown)))
        await asyncio.sleep(0.001)  # so each begins at another time
    await eventually(lambda: len(shown) == 50)
    begun = len(looks)
    await eventually(lambda: len(looks) >= begun + 6)
    for watch in watches:
        watch.cancel()
    await asyncio.gather(*watches, return_exceptions=True)
    assert sum(looks[-6:]) >= 150


async def _watched(handle: JobHandle[object], shown: list[JobInfo]) -> None:
    async for info in handle.watch(every=0.1):
        shown.append(info)  # noqa: PERF401 - as they come


async def test_a_watch_outlasts_an_outage_and_a_job_that_is_deleted_as_it_ends(
    client: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = await client.enqueue("nobody")
    infos, failures = client.driver.insight.infos, 0

    async def lost(job_ids: Collection[str]) -> dict[str, JobInfo]:
        nonlocal failures
        failures += 1
        if failures < 3:
            raise ConnectionLost("gone")
        found = await infos(job_ids)
        return {} if found[job].status.finished else found

    watching = job.watch(every=0.01)
    first = await within(anext(watching))
    monkeypatch.setattr(client.driver.insight, "infos", lost)
    following = asyncio.ensure_future(anext(watching))
    await eventually(lambda: failures > 4)
    await job.cancel()
    assert await within(following) == replace(first, status=CANCELLED)
    failures = 0
    with pytest.raises(ConnectionLost):
        await within(anext(job.watch()))


def _waiter(client: Queries) -> CompletionWaiter:
    waiter = client.client.waiter
    assert isinstance(waiter, CompletionWaiter)
    return waiter
