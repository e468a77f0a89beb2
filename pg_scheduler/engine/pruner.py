"""Deletes finished jobs as their policies say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from pg_scheduler.domain.retention import VacuumPolicy, VacuumTrigger
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.schedule_store import Locks, Retention

log = logging.getLogger("pg_scheduler.pruner")

BATCH = 1_000
"""Jobs deleted by one statement: short locks, and progress in between."""


class RetentionStore(Retention, Locks, Protocol):
    """What the pruner needs of a driver."""


class Pruner:
    """Makes a pass at each interval, one worker of the cluster at a time.

    Jobs whose policy is "immediate" go with the statement that settles them; what ends otherwise (cancelled
    while pending, expired, given up) goes at the next wake.
    """

    def __init__(
        self,
        store: RetentionStore,
        clock: Clock,
        policies: Mapping[JobStatus, VacuumPolicy],
        interval: float,
        track: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policies = policies
        self._interval = interval
        self._track = track
        self._woken = asyncio.Event()

    @property
    def immediate(self) -> frozenset[JobStatus]:
        """Statuses in which no job is kept."""
        return frozenset(
            status for status, policy in self._policies.items() if policy.trigger is VacuumTrigger.IMMEDIATE
        )

    def wake(self) -> None:
        """A job may have ended without being settled."""
        if self.immediate:
            self._woken.set()

    async def one_round(self) -> None:
        """Wait for the interval and make a pass; a wake in between deletes what is kept no moment."""
        self._woken.clear()
        if await wait_at_most(self._woken, self._interval, self._clock):
            for status in self.immediate:
                await self._prune(status, self._policies[status])
            return
        await self.prune_once()

    async def prune_once(self) -> dict[JobStatus, int]:
        """Make one pass; how many jobs of each status were deleted. All zero if another worker is at it."""
        deleted = dict.fromkeys(self._policies, 0)
        async with self._store.exclusive("pg_scheduler retention", lambda: None) as alone:
            if not alone:
                log.info("another worker is deleting finished jobs")
                return deleted
            for status, policy in self._policies.items():
                deleted[status] = await self._prune(status, policy)
            if self._track:
                await self._store.record_vacuum(deleted, now=self._clock.pinned())
        return deleted

    async def _prune(self, status: JobStatus, policy: VacuumPolicy) -> int:
        total = 0
        while True:
            deleted = await self._store.prune(status, policy, BATCH, now=self._clock.pinned())
            total += deleted
            if deleted < BATCH:
                break
            log.info("deleting finished jobs", extra={"status": status, "deleted": total})
        return total
