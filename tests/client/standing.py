"""A worker that does nothing unasked."""

from __future__ import annotations

import asyncio

from pg_scheduler import Scheduler
from pg_scheduler.engine.system_clock import SystemClock

SHORT = 2.0
"""Seconds: pauses before a statement is repeated are shorter; what is done unasked is further apart."""


class StandingClock(SystemClock):
    """Real time, in which no long wait ever ends."""

    async def sleep(self, seconds: float) -> None:
        if seconds < SHORT:
            await super().sleep(seconds)
        else:
            await asyncio.Event().wait()


class LongLease(Scheduler):
    """Never renewed here, so it holds for the whole test."""

    LEASE_DURATION = 3600
