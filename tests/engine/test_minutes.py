"""Workers count what they do, and write it every few seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pg_scheduler import Scheduler
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.minutes import (
    BUCKETS,
    MOST_NAMES,
    OTHERS,
    Tally,
    Work,
    bounds_of,
    bucket_of,
    due_bounds_of,
    quantile,
)
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import COMPLETED, Verdict
from pg_scheduler.engine import minute_keeper
from pg_scheduler.engine.minute_keeper import MinuteKeeper
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.ports.worker_events import JobsStarted
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


@pytest.mark.parametrize("bucket", range(BUCKETS))
def test_the_bounds_of_a_bucket_are_where_durations_leave_it(bucket: int) -> None:
    least, too_long = bounds_of(bucket)
    now = datetime.now(UTC)
    after, until = due_bounds_of(bucket, now)
    tick = timedelta(microseconds=1)
    if bucket:
        assert (bucket_of(least), bucket_of((now - until).total_seconds())) == (bucket, bucket)
        assert bucket_of((now - until - tick).total_seconds()) == bucket - 1
    if bucket < BUCKETS - 1:
        assert (bucket_of(too_long), bucket_of((now - after).total_seconds())) == (bucket + 1, bucket + 1)
        assert bucket_of((now - after - tick).total_seconds()) == bucket


def _job(queue: str, name: str, due: datetime) -> ClaimedJob:
    return ClaimedJob("id", name, "{}", due, 5, 1, 1, 0, 0, None, None, False, queue=queue)


def _attempt(job: ClaimedJob, took: float, verdict: Verdict, began: bool = True) -> Attempt:
    attempt = Attempt(job, 0.0, lambda job, lease: pytest.fail("nobody asked"))
    attempt.decide(verdict, took)
    attempt.began = began
    return attempt


_JOBS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y"]),
        st.timedeltas(timedelta(seconds=-1), timedelta(hours=3)) | st.just(timedelta(milliseconds=4)),
        st.floats(0, 9000) | st.just(0.004),
        st.sampled_from(list(JobEvent)).map(Verdict) | st.just(COMPLETED),
        st.booleans(),
    )
)


@given(_JOBS)
def test_a_batch_counts_as_its_jobs_do(
    jobs: list[tuple[str, str, timedelta, float, Verdict, bool]],
) -> None:
    """Whatever the job before it was."""
    at = datetime.now(UTC)
    keeper = MinuteKeeper(store=MemoryDriver().minutes, worker_id="w", clock=SystemClock())
    claimed = [_job(queue, name, at - waited) for queue, name, waited, *_ in jobs]
    keeper.note_started(JobsStarted(claimed, at))
    keeper.note_settled(
        [
            _attempt(job, took, verdict, began)
            for job, (*_, took, verdict, began) in zip(claimed, jobs, strict=True)
        ]
    )
    for (queue, name), tally in keeper._work.items():
        mine = [one for one in jobs if one[:2] == (queue, name)]
        assert tally.started == len(mine)
        assert tally.completed == sum(one[4].event is JobEvent.COMPLETE for one in mine)
        waits = Counter(bucket_of(waited.total_seconds()) for _, _, waited, *_ in mine)
        runs = Counter(bucket_of(took) for *_, took, _, began in mine if began)
        assert (Counter(dict(enumerate(tally.waits))), Counter(dict(enumerate(tally.runs)))) == (waits, runs)
    assert set(keeper._work) == {one[:2] for one in jobs}
