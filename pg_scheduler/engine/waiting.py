"""Waiting for something to happen, but not longer than a clock allows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pg_scheduler.domain.model import JobRecord
from pg_scheduler.ports.clock import Clock


async def wait_at_most(event: asyncio.Event, seconds: float | None, clock: Clock) -> bool:
    """Wait until `event` is set or `seconds` of the clock's time passed (None: no limit).

    True if the event was set. The event is left as it is.
    """
    if event.is_set() or seconds is None:
        await event.wait()
        return True
    told = asyncio.ensure_future(event.wait())
    over = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({told, over}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        told.cancel()
        over.cancel()
    return event.is_set()


async def wait_until_finished(
    read: Callable[[], Awaitable[JobRecord]], clock: Clock, limit: float | None
) -> JobRecord | None:
    """Read a job until it has ended; None if that takes longer than `limit` seconds.

    Looks after 20 ms, then ever more rarely, down to once a second.
    """
    started, pause = clock.monotonic(), 0.02
    while True:
        record = await read()
        if record.status.finished:
            return record
        left = None if limit is None else limit - (clock.monotonic() - started)
        if left is not None and left <= 0:
            return None
        await clock.sleep(pause if left is None else min(pause, left))
        pause = min(pause * 1.5, 1.0)
