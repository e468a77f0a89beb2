"""Waiting for jobs to finish: by notification, or by polling if no notification is possible."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pg_scheduler.domain.errors import DatabaseError, JobNotFound
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.keep_listening import keep_listening
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.signals import Signals

log: logging.Logger = logging.getLogger(__name__)

IDLE_TIMEOUT = 5.0
"""Seconds that the connection is kept after the last wait: the next one often follows."""
FIRST_PAUSE, MAX_PAUSE = 0.02, 1.0
"""Seconds between polls of a job while no notification can come."""
PAUSE_WHEN_NOTIFIED = 5.0
"""Seconds between polls while notifications come: behind a pooler one can be lost."""
NOTIFY_GRACE = 1.0
"""Seconds that the notification of a job that is gone already may take."""

Read = Callable[[], Awaitable[JobRecord]]


class CompletionWaiter:
    """Knows when awaited jobs finish. One listening connection serves all waits; it exists only while
    somebody waits, and shortly after."""

    def __init__(self, signals: Signals, clock: Clock) -> None:
        self._signals = signals
        self._clock = clock
        self._waits: dict[str, set[asyncio.Future[JobStatus]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()
        self._next_ready = asyncio.Event()
        """Set, and replaced, whenever notifications begin to arrive."""

    async def wait(self, job_id: str, read: Read, limit: float | None) -> JobStatus | None:
        """How the job ended; None if it has not within `limit` seconds.

        Raises:
            JobNotFound: it is gone, and no notification of its end came.
        """
        record = await read()
        if record.status.finished:
            return record.status
        with self._awaiting(job_id) as ended:
            deadline = None if limit is None else self._clock.monotonic() + limit
            return await self._watch(job_id, read, ended, deadline)

    async def _watch(
        self, job_id: str, read: Read, ended: asyncio.Future[JobStatus], deadline: float | None
    ) -> JobStatus | None:
        pause, notified = FIRST_PAUSE, False
        while True:
            begun = self._next_ready
            if self._ready.is_set() and not notified:
                notified = await self._request_notification(job_id)
            try:
                record = await read()
            except JobNotFound:
                # Deleted as it ended, perhaps: then its end is on the way.
                if notified and await self._within(ended, NOTIFY_GRACE):
                    return ended.result()
                raise
            if ended.done() or record.status.finished:
                return ended.result() if ended.done() else record.status
            left = None if deadline is None else deadline - self._clock.monotonic()
            if left is not None and left <= 0:
                return None
            longest = PAUSE_WHEN_NOTIFIED if notified else pause
            if await self._within(ended, longest if left is None else min(longest, left), begun):
                return ended.result()
            pause = min(pause * 1.5, MAX_PAUSE)

    async def _request_notification(self, job_id: str) -> bool:
        try:
            await self._signals.await_job(job_id)
        except DatabaseError:
            log.debug("job %r: no signal of its end available; polling", job_id, extra={"job_id": job_id})
            return False
        return True

    async def _within(
        self, ended: asyncio.Future[JobStatus], seconds: float, begun: asyncio.Event | None = None
    ) -> bool:
        """Whether the notification comes within so many seconds; also returns when listening has `begun`,
        perhaps anew: what happened in between was missed."""
        others = [asyncio.ensure_future(self._clock.sleep(seconds))]
        if begun is not None:
            others.append(asyncio.ensure_future(_set(begun)))
        try:
            waits: list[asyncio.Future[Any]] = [ended, *others]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for other in others:
                other.cancel()
        return ended.done()

    @contextmanager
    def _awaiting(self, job_id: str) -> Iterator[asyncio.Future[JobStatus]]:
        ended: asyncio.Future[JobStatus] = asyncio.get_running_loop().create_future()
        self._waits.setdefault(job_id, set()).add(ended)
        self._listen()
        try:
            yield ended
        finally:
            self._waits[job_id].discard(ended)
            if not self._waits[job_id]:
                del self._waits[job_id]
            if not self._waits:
                self._leaving = asyncio.get_running_loop().call_later(IDLE_TIMEOUT, self._leave)

    def _listen(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        before = self._listening
        if before is None or before.done() or before.cancelling():
            self._listening = asyncio.create_task(self._keep_listening(before), name="pg_scheduler ends")

    async def _keep_listening(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})  # it is leaving, and must not end the newer one's listening
        meanwhile = f"Awaited jobs are looked at every {MAX_PAUSE:g} s"
        await keep_listening(self._listen_once, self._clock, meanwhile)

    async def _listen_once(self, on_ready: Callable[[], None]) -> None:
        def begin() -> None:
            on_ready()
            self._begin()

        try:
            await self._signals.listen_finished(self._deliver, begin)
        finally:
            self._ready.clear()

    def _begin(self) -> None:
        self._ready.set()
        self._next_ready.set()
        self._next_ready = asyncio.Event()

    def _deliver(self, job_id: str, status: JobStatus) -> None:
        for ended in self._waits.get(job_id, ()):
            if not ended.done():
                ended.set_result(status)

    def _leave(self) -> None:
        if self._listening is not None and not self._waits:
            self._listening.cancel()

    async def close(self) -> None:
        """Listen no more; waits go on by polling."""
        if self._leaving is not None:
            self._leaving.cancel()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait({self._listening})
            self._listening = None


async def _set(event: asyncio.Event) -> None:
    await event.wait()
