"""What a client uses in a program without an event loop: its coroutines never wait, they block."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import datetime

from pg_scheduler.client.completion_waiter import FIRST_PAUSE, MAX_PAUSE, MOST_AT_ONCE, HowEnded
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.opening import InstallingOpening
from pg_scheduler.domain.errors import DatabaseError, JobNotFound
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.forks import forget_in_forks


class ThreadLock:
    """A lock for threads, in the form of one for tasks: who waits for it blocks."""

    def __init__(self) -> None:
        self.make_anew()
        # In a forked process only the thread that forked lives: who held the lock never gives it back there.
        forget_in_forks(self, ThreadLock.make_anew)

    def make_anew(self) -> None:
        """Nobody holds it."""
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class BlockingClock(SystemClock):
    """The machine's time, in which a thread sleeps; what the time is, another clock may say."""

    def __init__(self, shown: Clock | None = None) -> None:
        self.shown: Clock = shown or SystemClock()

    def pinned(self) -> datetime | None:
        """As the other clock has it."""
        return self.shown.pinned()

    def now(self) -> datetime:
        """As the other clock has it."""
        return self.shown.now()

    async def sleep(self, seconds: float) -> None:
        """Block the calling thread."""
        time.sleep(max(seconds, 0))  # noqa: ASYNC251 - blocking is what this clock is for


class PollingWaiter:
    """Waits for jobs to end by looking at them ever more rarely, down to once a second."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock

    async def wait(self, job_id: str, limit: float | None) -> JobStatus | None:
        """How the job ended; None if it has not within `limit` seconds.

        Raises:
            JobNotFound: it is gone.
        """
        async with aclosing(self.ends([job_id], limit)) as ends:
            async for ended in ends:
                if (status := ended[job_id]) is None:
                    raise JobNotFound(job_id)
                return status
        return None

    async def ends(self, job_ids: Collection[str], limit: float | None) -> AsyncGenerator[HowEnded, None]:
        """How jobs ended, those together that one look has found, until all have or `limit` seconds are over;
        None: it is gone."""
        deadline = None if limit is None else self._clock.monotonic() + limit
        pause, left, marked = FIRST_PAUSE, list(dict.fromkeys(job_ids)), set[str]()
        while left:
            found: HowEnded = {}
            for first in range(0, len(left), MOST_AT_ONCE):
                some = left[first : first + MOST_AT_ONCE]
                marked |= await self._marked([job_id for job_id in some if job_id not in marked])
                statuses = await self._driver.insight.statuses(some)
                found.update(
                    (job_id, statuses.get(job_id))
                    for job_id in some
                    if job_id not in statuses or statuses[job_id].finished
                )
            left = [job_id for job_id in left if job_id not in found]
            if found:
                yield found
            time_left = pause if deadline is None else deadline - self._clock.monotonic()
            if not left or time_left <= 0:
                return
            await self._clock.sleep(min(pause, time_left))
            pause = min(pause * 1.5, MAX_PAUSE)

    async def _marked(self, job_ids: Collection[str]) -> frozenset[str]:
        """Those of these jobs that will outlast a policy that deletes at once."""
        try:
            return frozenset(await self._driver.signals.await_jobs(job_ids) if job_ids else ())
        except DatabaseError:
            return frozenset()  # no right to mark them, for example: whether they can be looked at will show

    async def close(self) -> None:
        """Nothing is kept open."""


def blocking_client(driver: Driver, codec: Codec | None = None, shown_time: Clock | None = None) -> JobClient:
    """A client whose coroutines block instead of waiting. Its calls come from any thread, with or without an
    event loop, so each job is stored by itself."""
    clock = BlockingClock(shown_time)
    return JobClient(
        driver,
        clock,
        codec or JsonCodec(),
        opening=InstallingOpening(driver, ThreadLock),
        waiter=PollingWaiter(driver, clock),
    )
