"""Steps of a start that others take at the same time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pg_scheduler import DatabaseUnavailable, Scheduler, TransientDatabaseError
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.engine.service import tried_again
from pg_scheduler.testing import ManualClock, MemoryDriver


class Impatient(ManualClock):
    """Sleeping lets its time pass."""

    async def sleep(self, seconds: float) -> None:
        await self.advance(seconds)


class Step:
    """Fails so many times."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.left = failures
        self.error = error
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error


DEADLOCK = TransientDatabaseError("deadlock detected", "40P01")


async def test_what_was_rolled_back_is_done_again() -> None:
    step = Step(3, DEADLOCK)
    await tried_again(step, Impatient(), 30)
    assert step.calls == 4


async def test_patience_ends() -> None:
    step = Step(10_000, DEADLOCK)
    with pytest.raises(TransientDatabaseError):
        await tried_again(step, Impatient(), 30)
    assert 10 < step.calls < 1_000


async def test_what_will_not_work_in_a_moment_is_told_at_once() -> None:
    for error in (DatabaseUnavailable("read-only", "25006"), ValueError("no")):
        step = Step(1, error)
        with pytest.raises(type(error)):
            await tried_again(step, Impatient(), 30)
        assert step.calls == 1


@pytest.mark.parametrize("verb", ["register_schedules", "stray_schedules"])
async def test_a_deadlock_does_not_end_a_start(monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    driver = MemoryDriver()
    real, failures = getattr(driver.schedules, verb), [DEADLOCK, DEADLOCK]

    async def failing(*args: object, **options: object) -> object:
        if failures:
            raise failures.pop()
        return await real(*args, **options)

    monkeypatch.setattr(driver.schedules, verb, failing)

    async def tick() -> None: ...

    scheduler = Scheduler(driver)
    scheduler.schedules.adopt(ScheduleRequest(tick, every=timedelta(hours=1), key="tick"))
    async with scheduler:
        assert scheduler.is_running
    assert not failures
