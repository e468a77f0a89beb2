"""Deletes finished jobs as their policies say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta

from pg_scheduler.domain.retention import VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.locks import Locks
from pg_scheduler.ports.retention import Retention

log: logging.Logger = logging.getLogger(__name__)

BATCH = 1_000
"""Jobs deleted by one statement: short locks, and progress in between."""
LOCK = "pg_scheduler retention"
"""Held during a pass."""
FIRST_PASS = 60.0
"""Seconds until the first pass at the most: workers that never live for an interval prune all the same."""
SWEEP = 30.0
"""Seconds between looks for jobs that are kept no moment and ended without anybody here being told."""


class Pruner:
    """Makes a pass at each interval, one worker of the cluster at a time.

    Jobs whose policy is "immediate" are deleted by the statement that settles them; those that end otherwise
    (cancelled while pending, expired, failed by crashes) are deleted at the next wake-up or pass.
    """

    def __init__(
        self,
        *,
        retention: Retention,
        locks: Locks,
        clock: Clock,
        policies: Mapping[JobStatus, VacuumPolicy],
        interval: float,
        track: bool,
        audit_kept: timedelta,
    ) -> None:
        self._retention = retention
        self._locks = locks
        self._clock = clock
        self._policies = policies
        self.immediate: frozenset[JobStatus] = frozenset(
            status for status, policy in policies.items() if policy.trigger is VacuumTrigger.IMMEDIATE
        )
        """Statuses in which no job is kept."""
        self._interval = interval
        self._track = track
        self._audit_kept = audit_kept
        self._woken = asyncio.Event()
        self._next_pass: float | None = None
        self._uncounted = dict.fromkeys(policies, 0)

    def wake(self) -> None:
        """A job may have ended without being settled."""
        if self.immediate:
            self._woken.set()

    def deleted_as_settled(self, deleted: Mapping[JobStatus, int]) -> None:
        """So many jobs of each status went by the statement that settled them."""
        for status, count in deleted.items():
            self._uncounted[status] += count

    async def one_round(self) -> None:
        """Wait for the next pass and make it; until then delete, when woken and now and then, what is kept no
        moment."""
        if self._next_pass is None:
            self._next_pass = self._clock.monotonic() + min(self._interval, FIRST_PASS)
        left = max(self._next_pass - self._clock.monotonic(), 0)
        await wait_at_most(self._woken, min(left, SWEEP) if self.immediate else left, self._clock)
        self._woken.clear()
        if self._clock.monotonic() < self._next_pass:
            await self._sweep()
            return
        await self.prune_once()
        self._next_pass = self._clock.monotonic() + self._interval

    async def prune_once(self) -> dict[JobStatus, int]:
        """Make one pass; how many jobs of each status were deleted. All zero if another worker is at it."""
        deleted = dict.fromkeys(self._policies, 0)
        async with self._locks.exclusive(LOCK, lambda: None) as alone:
            if not alone:
                log.info("finished jobs are not deleted here: another worker is deleting them")
                return deleted
            for status, policy in self._policies.items():
                deleted[status] = await self._prune(status, policy)
            await self._record(deleted)
            while (
                await self._retention.forget_acts(self._audit_kept, BATCH, now=self._clock.pinned()) == BATCH
            ):
                """There may be more."""
        return deleted

    async def _sweep(self) -> None:
        deleted = {status: await self._prune(status, self._policies[status]) for status in self.immediate}
        if any(deleted.values()):
            await self._record(deleted)
        else:
            await self.record_settled()

    async def record_settled(self) -> None:
        """Add what settling deleted since the last record to the statistics."""
        if any(self._uncounted.values()):
            await self._record({})

    async def _record(self, deleted: Mapping[JobStatus, int]) -> None:
        counted, self._uncounted = self._uncounted, dict.fromkeys(self._policies, 0)
        if self._track:
            sums = {status: count + deleted.get(status, 0) for status, count in counted.items()}
            await self._retention.record_vacuum(sums, now=self._clock.pinned())

    async def _prune(self, status: JobStatus, policy: VacuumPolicy) -> int:
        total = 0
        while True:
            deleted = await self._retention.prune(status, policy, BATCH, now=self._clock.pinned())
            total += deleted
            if deleted < BATCH:
                break
            log.info(
                "deleted %d jobs with status %s", total, status, extra={"status": status, "deleted": total}
            )
        return total
