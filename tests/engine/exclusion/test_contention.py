"""What a run does when another holds its lock, and what its row says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from pg_scheduler import JobStatus
from pg_scheduler.client.source import Library
from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.engine.running import exclusion
from pg_scheduler.testing import ManualClock, MemoryDriver, drain
from pg_scheduler.testing.memory.locks import MemoryLocks
from pg_scheduler_postgres.session import Session
from tests.engine.exclusion.runs import KEY, Gate, add_schedule, ended, running, trigger
from tests.support.running import BriskScheduler, eventually


@pytest.fixture(autouse=True)
def soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting runs look again quickly."""
    monkeypatch.setattr(exclusion, "LOOK_AGAIN", timedelta(milliseconds=50))


async def test_a_run_that_waits_for_its_lock_completes_after_the_first(dsn: str, library: Library) -> None:
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        first, second = await trigger(scheduler), await trigger(scheduler)
        epochs: dict[str, set[int]] = {first: set(), second: set()}

        async def has_looked_twice() -> bool:
            for job_id, seen in epochs.items():
                job = await scheduler.driver.insight.job(job_id)
                seen.add(job.epoch if job else 0)
            return max(map(len, epochs.values())) >= 3

        await eventually(has_looked_twice)
        assert gate.starts == 1
        gate.open()
        for job_id in (first, second):
            assert await ended(scheduler, job_id) is JobStatus.COMPLETED
            job = await scheduler.driver.insight.job(job_id)
            assert job is not None
            assert (job.retry_count, job.crash_count, job.attempt_count) == (0, 0, 1)
        assert (gate.starts, gate.most) == (2, 1)


async def test_waiting_for_a_lock_makes_neither_history_nor_connections(dsn: str, library: Library) -> None:
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        first = await trigger(scheduler)
        await eventually(lambda: gate.inside)
        session = scheduler.driver.link.session  # type: ignore[attr-defined]
        dedicated, made = session.dedicated, []

        def counted(purpose: str) -> Session:
            made.append(1)
            return dedicated(purpose)  # type: ignore[no-any-return]

        session.dedicated = counted
        second = await trigger(scheduler)
        epochs: set[int] = set()

        async def has_looked_thrice() -> bool:
            job = await scheduler.driver.insight.job(second)
            epochs.update([job.epoch] if job else [])
            return len(epochs) >= 3

        await eventually(has_looked_thrice)
        assert made == []
        assert await scheduler.driver.insight.attempts(second) == []
        gate.open()
        for job_id in (first, second):
            assert await ended(scheduler, job_id) is JobStatus.COMPLETED
        assert made == [1]


def test_pauses_grow_until_the_lock_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusion, "LOOK_AGAIN", timedelta(seconds=1))
    pauses = exclusion.LockPauses()
    seconds = [pauses.next_of("job").total_seconds() for _ in range(9)]
    assert seconds[:4] == [1.0, 1.5, 2.25, 3.375]
    assert seconds[-1] == 10.0
    assert pauses.next_of("other") == timedelta(seconds=1)
    pauses.end_of("job")
    assert pauses.next_of("job") == timedelta(seconds=1)


def test_the_pauses_of_runs_that_never_got_their_lock_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusion, "MOST_REMEMBERED", 2)
    pauses = exclusion.LockPauses()
    for job_id in ("a", "b", "a", "c"):
        pauses.next_of(job_id)
    assert list(pauses._pauses) == ["a", "c"]


async def test_a_run_that_does_not_wait_ends_cancelled_and_says_why(dsn: str, library: Library) -> None:
    gate = Gate()
    async with running(dsn, library, gate, "skip") as scheduler:
        first = await trigger(scheduler)
        await eventually(lambda: gate.inside)
        second = await trigger(scheduler)
        assert await ended(scheduler, second) is JobStatus.CANCELLED
        left_out = await scheduler.driver.insight.job(second)
        assert left_out is not None
        assert left_out.error_message == f"left out: another run of '{KEY}' holds its lock"
        gate.open()
        assert await ended(scheduler, first) is JobStatus.COMPLETED
        assert gate.starts == 1


async def test_without_the_lock_two_runs_are_at_once(dsn: str, library: Library) -> None:
    gate = Gate()
    async with running(dsn, library, gate) as scheduler:
        await scheduler.update_schedule(KEY, use_advisory_lock=False)
        await trigger(scheduler)
        await trigger(scheduler)
        await eventually(lambda: gate.inside == 2)


async def test_a_lock_that_cannot_be_asked_for_costs_the_run_nothing() -> None:
    class CutOff(MemoryLocks):
        """Out of connections, once."""

        asked = 0

        @asynccontextmanager
        async def exclusive(self, name: str, on_lost: Callable[[], None]) -> AsyncIterator[bool]:
            self.asked += 1
            if self.asked == 1:
                raise ConnectionLost("too many connections")
            async with super().exclusive(name, on_lost) as held:
                yield held

    clock, gate = ManualClock(), Gate()
    gate.open()
    driver = MemoryDriver()
    driver.locks = CutOff(driver.state)
    scheduler = BriskScheduler(driver, clock=clock)
    scheduler.register(gate.run, name="gated")
    await add_schedule(scheduler, "gated")
    job_id = await trigger(scheduler)
    await drain(scheduler)
    assert (gate.starts, await scheduler.handle(job_id).status()) == (0, JobStatus.PENDING)
    await clock.advance(1)
    assert [one.completed for one in await drain(scheduler)] == [True]
