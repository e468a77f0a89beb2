"""Writes the progress that jobs report to the store, at most once a second for each job."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping

from pg_scheduler.domain.model import Lease, Progress
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.job_store import JobStore

INTERVAL = 1.0
"""Seconds between writes; only the latest word of each job is written."""


class ProgressWriter:
    """Collects reports from any thread; made in the loop in which it writes. `on_stored` is called with what
    was written."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        clock: Clock,
        on_stored: Callable[[Mapping[Lease, Progress]], None] = lambda reports: None,
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._on_stored = on_stored
        self._reports: dict[Lease, Progress] = {}
        self._lock = threading.Lock()
        self._arrived = asyncio.Event()
        self._writing = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def put(self, lease: Lease, progress: Progress) -> None:
        """Take a report; it replaces the one before."""
        with self._lock:
            self._reports[lease] = progress
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def one_round(self) -> None:
        """Wait for reports, write them, then let more of them gather."""
        self._loop = asyncio.get_running_loop()
        if not self._reports:
            await self._arrived.wait()
        self._arrived.clear()
        await self.flush()
        await self._clock.sleep(INTERVAL)

    async def flush(self) -> None:
        """Write what there is now; what another call has begun to write is written on return."""
        async with self._writing:
            with self._lock:
                reports, self._reports = self._reports, {}
            if not reports:
                return
            try:
                held_up = await self._jobs.note_progress(reports)
            except BaseException:
                self._put_back(reports)
                raise
            if held_up:
                self._put_back({lease: reports.pop(lease) for lease in held_up})
            if reports:
                self._on_stored(reports)

    def _put_back(self, reports: dict[Lease, Progress]) -> None:
        """They go with the next write, unless there is a later word by then."""
        with self._lock:
            self._reports = {**reports, **self._reports}
