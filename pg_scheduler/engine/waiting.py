"""Waiting for one of several things to happen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from pg_scheduler.ports.clock import Clock


async def wait_at_most(event: asyncio.Event, seconds: float | None, clock: Clock) -> bool:
    """Wait until `event` is set or `seconds` of the clock's time passed (None: no limit).

    True if the event was set. The event is left as it is.
    """
    if event.is_set() or seconds is None:
        await event.wait()
        return True
    happened = asyncio.ensure_future(event.wait())
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({happened, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        happened.cancel()
        timer.cancel()
    return event.is_set()


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when the first of them has ended; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
