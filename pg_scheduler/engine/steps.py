"""A worker's work step by step: for `drain()`, and for people who drive the engine themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from pg_scheduler.engine.claiming.group_claims import Claimed
from pg_scheduler.engine.composition import Services, Surroundings
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.waiting import first_of
from pg_scheduler.ports.claims import ClaimRequest


class Steps:
    """The steps of one worker, whether its services run by themselves or not."""

    def __init__(
        self,
        services: Services,
        given: Surroundings,
        worker_id: str,
        running: Callable[[], bool],
        wait_stopped: Callable[[], Awaitable[None]],
    ) -> None:
        self._services = services
        self._given = given
        self._worker_id = worker_id
        self._running = running
        self._wait_stopped = wait_stopped

    async def claim_and_start(self) -> int:
        """Claim once and start what was claimed; how many rows were taken."""
        return (await self._claim_unasked()).taken

    async def next_due_in(self) -> timedelta | None:
        """Time until the next pending job is due; what is due already is claimed and started."""
        claimed = await self._claim_unasked()
        lanes = None if claimed.lanes_open_in is None else timedelta(seconds=claimed.lanes_open_in)
        return min((wait for wait in (claimed.next_due_in, lanes) if wait is not None), default=None)

    async def _claim_unasked(self) -> Claimed:
        """Claim everywhere, without a signal that there is a reason to."""
        await self._services.limits.keep()
        self._services.claimer.wake_for_lanes(at_once=True)
        return await self._services.claimer.claim_once()

    async def claim_and_start_job(self, job_id: str) -> Attempt | None:
        """Claim this very job and start it; None if it is not pending."""
        request = ClaimRequest(self._worker_id, (), 1, self._given.settings.lease)
        with self._services.active.slot_by_hand():
            async with self._services.claimer.claiming():
                job = await self._given.driver.jobs.claim_job(job_id, request, now=self._given.clock.pinned())
            return None if job is None else self._services.starter.start(job)

    async def finish(self, attempt: Attempt) -> None:
        """Wait until an attempt has ended and is settled."""
        if attempt.task is not None:
            await asyncio.wait({attempt.task})
        if not self._running():
            await self._flush()
        await attempt.wait_settled()

    async def finish_started(self) -> None:
        """Wait until everything that was started has ended and is settled."""
        await self._services.active.wait_idle()
        if self._running():
            await self._services.settler.wait_empty()
        else:
            await self._flush()

    async def _flush(self) -> None:
        await self._services.settler.flush()
        await self._services.progress.flush()

    async def wait_drained(self) -> None:
        """Return once there is nothing more to do: what was started has ended and is settled, and nothing was
        found that may run here now. Services must run; also returns when they are stopped."""
        await first_of(self._drained(), self._stopped())

    async def _stopped(self) -> None:
        await self._wait_stopped()

    async def _drained(self) -> None:
        claimer, active, settler = self._services.claimer, self._services.active, self._services.settler
        while True:
            polls = claimer.empty_polls
            await active.wait_idle()
            await settler.wait_empty()
            # Two polls: one may have begun before the last verdict left something due.
            for poll in (polls, polls + 1):
                claimer.wake_for_lanes()
                await claimer.wait_empty_poll_after(poll)
            if active.idle and settler.empty:
                return
