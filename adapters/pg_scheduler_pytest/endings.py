"""How a test ends: what it leaves behind is said, and what fixtures have made is shut down."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from pg_scheduler.scheduler import Scheduler
from pg_scheduler.testing import MemoryDriver, left_behind


def ended_with(func: Callable[..., Any], schedulers: Sequence[Scheduler]) -> Callable[..., Any]:
    """A test function after which these schedulers are shut down: if it is a coroutine, in its event loop.
    Warnings are given only after a test that has passed."""
    if not inspect.iscoroutinefunction(func):

        @functools.wraps(func)
        def plain(*args: Any, **kwargs: Any) -> Any:
            result = func(*args, **kwargs)
            _warn(schedulers)
            return result

        return plain

    @functools.wraps(func)
    async def ending(*args: Any, **kwargs: Any) -> Any:
        texts: list[str] = []
        try:
            result = await func(*args, **kwargs)
            texts = _texts(schedulers)
        finally:
            for scheduler in schedulers:
                await scheduler.shutdown(timeout=0)
        for text in texts:
            left_behind.warn(text)
        return result

    return ending


def _warn(schedulers: Sequence[Scheduler]) -> None:
    for text in _texts(schedulers):
        left_behind.warn(text)


def _texts(schedulers: Sequence[Scheduler]) -> list[str]:
    """What is left behind, each kind in one sentence."""
    found = []
    running = [one for one in schedulers if one.is_running]
    if running:
        found.append(left_behind.never_shut_down(len(running)))
    attempts = [attempt for one in schedulers for attempt in one.worker.services.active.attempts()]
    if attempts:
        found.append(left_behind.still_running([attempt.job.task_name for attempt in attempts]))
    for scheduler in schedulers:
        driver = scheduler.driver
        if isinstance(driver, MemoryDriver) and scheduler not in running:
            due = driver.forgotten(scheduler.clock.now())
            if due:
                found.append(left_behind.never_drained(due))
    return found
