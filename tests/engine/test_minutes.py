"""Workers count what they do, and write it every few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from pg_scheduler import Scheduler
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.minutes import BUCKETS, MOST_NAMES, OTHERS, Tally, Work, bucket_of, quantile
from pg_scheduler.engine import minute_keeper
from pg_scheduler.testing import MemoryDriver
from pg_scheduler.testing.memory.minutes import MemoryMinutes
from tests.support.running import eventually


async def works() -> None:
    pass


async def fails() -> None:
    raise ValueError("no")


async def test_what_a_worker_did_is_there_after_it_has_stopped() -> None:
    scheduler = Scheduler(MemoryDriver())
    async with scheduler:
        jobs = [await scheduler.enqueue(works) for _ in range(3)] + [await scheduler.enqueue(fails)]
        for job in jobs:
            await job.wait(30)
        assert (await scheduler.minutes()).rows == ()
    rows = (await scheduler.minutes()).rows
    assert (sum(row.started for row in rows), sum(row.completed for row in rows)) == (4, 3)
    summary = await scheduler.summary()
    by_task = {row.task_name.rpartition(":")[2]: row for row in summary.rows}
    assert (by_task["works"].started, by_task["fails"].failed, by_task["works"].due) == (3, 1, 0)
    for row in by_task.values():
        assert row.wait_p95 is not None
        assert row.run_p50 is not None


class Unreachable(MemoryMinutes):
    """Whose first answer is lost."""

    lost = False

    async def note(self, worker_id: str, work: Mapping[Work, Tally], *, now: datetime | None = None) -> None:
        if not self.lost:
            self.lost = True
            raise ConnectionLost("away")
        await super().note(worker_id, work, now=now)


async def test_what_could_not_be_written_is_written_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minute_keeper, "FLUSH_SECONDS", 0.01)
    driver = MemoryDriver()
    driver.minutes = store = Unreachable(driver.state)
    async with Scheduler(driver) as scheduler:
        await (await scheduler.enqueue(works)).wait(30)
        await eventually(lambda: bool(driver.state.minutes))
    assert store.lost
    assert sum(row.started for row in (await store.minutes()).rows) == 1


async def test_names_do_not_make_rows_without_end() -> None:
    driver = MemoryDriver()
    scheduler = Scheduler(driver, max_concurrent_jobs=100)
    async with scheduler:
        keeper = scheduler.worker.services.minutes
        jobs = [await scheduler.enqueue(works) for _ in range(2)]
        for job in jobs:
            await job.wait(30)
        await keeper.flush()
        keeper._work = {("q", str(one)): Tally() for one in range(MOST_NAMES)}
        await (await scheduler.enqueue(works)).wait(30)
    assert OTHERS in (await driver.minutes.latest()).hour


def test_durations_are_told_by_their_buckets() -> None:
    assert [bucket_of(one) for one in (-1, 0, 0.0009, 0.001, 0.003, 1e9)] == [0, 0, 0, 1, 2, BUCKETS - 1]
    counts = [0] * BUCKETS
    assert quantile(counts, 0.5) is None
    counts[bucket_of(0.5)] = 10
    assert timedelta(seconds=0.25) < (quantile(counts, 0.5) or timedelta(0)) <= timedelta(seconds=0.512)
    counts[bucket_of(60)] = 90
    assert (quantile(counts, 0.95) or timedelta(0)) > timedelta(seconds=32)
