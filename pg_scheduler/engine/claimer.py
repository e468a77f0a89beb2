"""Keeps the free slots filled with the most urgent due jobs."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import timedelta

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.engine.active import ActiveAttempts
from pg_scheduler.engine.registry import TaskRegistry
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import ClaimRequest, JobStore

log = logging.getLogger("pg_scheduler.claimer")


class Claimer:
    """Claims when there is a slot and a reason: a signal, the next due time, or the slow poll.

    `start_job` is called for each claimed job in start order, `decline_job` instead where the answer to the
    claim came so late that the lease may be over. `listening` tells whether signals arrive; if not, the
    poll is quicker. `on_expired` is called when a claim found jobs that are too late to start.
    """

    def __init__(
        self,
        store: JobStore,
        worker_id: str,
        clock: Clock,
        lease: timedelta,
        batch_limit: int,
        polling: PollingConfig,
        registry: TaskRegistry,
        active: ActiveAttempts,
        start_job: Callable[[ClaimedJob], object],
        decline_job: Callable[[ClaimedJob], object],
        listening: Callable[[], bool],
        on_expired: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._batch_limit = batch_limit
        self._polling = polling
        self._registry = registry
        self._active = active
        self._start_job = start_job
        self._decline_job = decline_job
        self._listening = listening
        self._on_expired = on_expired
        self._woken = asyncio.Event()
        self._stopping = False
        self.stopped = asyncio.Event()

    def wake(self) -> None:
        """There may be something to claim."""
        self._woken.set()

    def stop(self) -> None:
        """Claim no more; a claim that is under way is finished first (see `stopped`)."""
        self._stopping = True
        self._woken.set()

    async def one_round(self) -> None:
        """Fill free slots once, then wait for a reason to look again."""
        if self._stopping:
            self.stopped.set()
            await asyncio.Event().wait()
        if self._active.free_slots <= 0:
            await self._wait_for_slot()
            return
        self._woken.clear()
        taken, limit, next_due_in = await self.claim_once()
        if taken < limit:
            await self._idle(next_due_in)

    async def claim_once(self) -> tuple[int, int, timedelta | None]:
        """Claim and start what fits; how many rows were taken, how many could have been, and when the
        next job is due."""
        limit = min(self._active.free_slots, self._batch_limit)
        names = self._registry.known_names()
        if not names:
            return 0, limit, None
        with self._active.reserved(limit):
            taken, next_due_in = await self._claim(ClaimRequest(self._worker_id, names, limit, self._lease))
        return taken, limit, next_due_in

    async def _claim(self, request: ClaimRequest) -> tuple[int, timedelta | None]:
        asked = self._clock.monotonic()
        answer = await self._store.claim(request, now=self._clock.pinned())
        age = timedelta(seconds=self._clock.monotonic() - asked)
        # A process that was frozen meanwhile would start jobs that others have run by now.
        late = age >= self._lease
        for job in answer.jobs:
            (self._decline_job if late else self._start_job)(job)
        if answer.expired:
            self._on_expired()
        for job_id in answer.expired:
            log.warning("job expired: not started within its grace", extra={"job_id": job_id})
        # The store counted from when the question reached it, and the next one takes as long to get there.
        next_due_in = None if answer.next_due_in is None else max(answer.next_due_in - age, timedelta(0))
        return len(answer.jobs) + len(answer.expired), next_due_in

    async def _wait_for_slot(self) -> None:
        """Return when a slot is free or the claimer is stopped; other reasons to look can wait."""
        slot = asyncio.ensure_future(self._active.wait_for_slot())
        try:
            while not slot.done() and not self._stopping:
                self._woken.clear()
                woken = asyncio.ensure_future(self._woken.wait())
                await asyncio.wait({slot, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            slot.cancel()

    async def _idle(self, next_due_in: timedelta | None) -> None:
        interval = self._polling.interval if self._listening() else self._polling.interval_without_listen
        interval *= 1 - self._polling.jitter * random.random()
        if next_due_in is not None:
            interval = min(interval, next_due_in.total_seconds())
        await wait_at_most(self._woken, interval, self._clock)
