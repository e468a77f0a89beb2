"""What a job leaves behind: nothing that only Python's collector would find."""

from __future__ import annotations

import gc

from pg_scheduler import Scheduler, current_job
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.testing import MemoryDriver, drain

seen: list[bool] = []


async def plain() -> None:
    """Asks for nothing."""


async def curious() -> None:
    context = current_job()
    seen.append(context is current_job())


def _left() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in (Attempt, JobContext)]


async def test_an_attempt_is_gone_once_it_is_settled_whether_or_not_it_asked_for_its_context() -> None:
    scheduler = Scheduler(MemoryDriver())
    gc.collect()
    before = len(_left())
    gc.disable()
    try:
        for func in (plain, curious):
            for _ in range(5):
                await scheduler.enqueue(func)
        await drain(scheduler)
        assert len(_left()) == before
    finally:
        gc.enable()
    assert seen == [True] * 5
