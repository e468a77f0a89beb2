"""A clock that moves only when told."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.inputs import checked_time


class ManualClock:
    """Pinned time for tests: every driver, PostgreSQL included, decides by this clock.

    Args:
        start: the first instant, aware; 2030-01-01 00:00 UTC by default.
    """

    def __init__(self, start: datetime = datetime(2030, 1, 1, tzinfo=UTC)) -> None:
        self._start = self._now = checked_time("start", start)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = 0
        self._rests = 0.0

    def pinned(self) -> datetime | None:
        """The instant at which this clock stands."""
        return self._now

    def now(self) -> datetime:
        """The instant at which this clock stands."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since this clock's start, with what was slept that `now` cannot show."""
        return (self._now - self._start).total_seconds() + self._rests

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by `seconds`."""
        wait = timedelta(seconds=seconds)
        if wait <= timedelta(0):
            # The sum of two times is off by less than the clock can show. Who waits for such a rest has it:
            # else a loop that waits until then would miss the instant at which the clock then stands.
            self._rests += max(seconds, 0)
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._now + wait, self._order, woken))
        await woken

    async def advance(self, by: timedelta | float) -> None:
        """Move on by a duration (timedelta or seconds), waking sleepers in the order of their times.

        Each sleeper runs at the instant it asked for, and what it does next is in time for the rest of
        the way, so a loop that sleeps a minute runs sixty times in an hour's advance.
        """
        target = self._now + (by if isinstance(by, timedelta) else timedelta(seconds=by))
        if target < self._now:
            raise InvalidInput("by", f"a clock does not go back, got {by}")
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            self._now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
                await _settle()
        self._now = target
        await _settle()

    async def advance_to(self, moment: datetime) -> None:
        """Move on to an instant; does nothing if it is past."""
        await self.advance(max(moment - self._now, timedelta(0)))


async def _settle() -> None:
    """Let everything that can run without time passing run a good way."""
    for _ in range(20):
        await asyncio.sleep(0)
