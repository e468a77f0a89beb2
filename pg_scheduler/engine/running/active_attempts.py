"""The attempts that run in this worker, and its free slots."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.engine.running.attempt import Attempt


class ActiveAttempts:
    """Running attempts and free slots.

    Leases are kept separately from attempts: an attempt ends when its function ends, but its lease only when
    the verdict has reached the store; until then it must be renewed. Leases are read from the lease
    keeper's thread, hence the lock.
    """

    def __init__(self, capacity: int, lease: timedelta) -> None:
        self.capacity = capacity
        self._lease_seconds = lease.total_seconds()
        self._renewed = -math.inf
        self._running: dict[Lease, Attempt] = {}
        self._reserved = 0
        self._held_back = False
        self._quiet = False
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._freed = asyncio.Event()
        self.ends: int = 0
        """How many attempts have ended so far."""
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def free_slots(self) -> int:
        """How many more attempts may start."""
        if self._held_back or self._quiet:
            return 0
        return self.capacity - len(self._running) - self._reserved

    @contextmanager
    def reserved(self, slots: int) -> Iterator[None]:
        """Hold slots within this block, for attempts that are being claimed and start at its end."""
        self._reserved += slots
        try:
            yield
        finally:
            self._reserved -= slots
            self._freed.set()

    def set_quiet(self, quiet: bool) -> None:
        """Whether no slot is free, whatever runs: somebody wants this worker to claim no more."""
        self._quiet = quiet
        if not quiet:
            self._freed.set()

    @contextmanager
    def pausing_claims_on_failure(self) -> Iterator[None]:
        """No slot is free from the moment that this block raises until the next such block does not: a worker
        that cannot store its verdicts must not run, and keep in memory, ever more of them."""
        try:
            yield
        except BaseException:
            self._held_back = True
            raise
        if self._held_back:
            self._held_back = False
            self._freed.set()

    def started(self, attempts: Sequence[Attempt]) -> None:
        """Each takes a slot, and its lease is kept from now on."""
        by_lease = {attempt.lease: attempt for attempt in attempts}
        with self._lock:
            self._leases.update(by_lease)
        self._running.update(by_lease)
        if self._running:
            self._idle.clear()

    def ended(self, attempt: Attempt) -> None:
        """The function ended: its slot is free, its lease still kept."""
        self._running.pop(attempt.lease, None)
        self.ends += 1
        self._freed.set()
        if not self._running:
            self._idle.set()

    def settled(self, leases: Iterable[Lease]) -> None:
        """The verdicts are stored, or the leases are lost: keep them no longer."""
        with self._lock:
            self._leases.difference_update(leases)

    def leases(self) -> list[Lease]:
        """The leases to renew, in id order; safe to call from any thread."""
        with self._lock:
            return sorted(self._leases, key=lambda lease: lease.job_id)

    def renewed(self, sent_at: float) -> None:
        """All leases held at this time of `Clock.monotonic` have been renewed since; from any thread."""
        self._renewed = sent_at

    def renewal_overdue(self, now: float) -> bool:
        """True if two thirds of a lease have passed since any was renewed: two renewals have failed, or this
        process was frozen."""
        with self._lock:
            return bool(self._leases) and now - self._renewed >= self._lease_seconds * 2 / 3

    def is_overdue(self, attempt: Attempt, now: float) -> bool:
        """True if its lease may be over by now, as far as this process knows: it was frozen, or a job kept
        every thread of it from running."""
        return now - max(attempt.started, self._renewed) >= self._lease_seconds

    def attempts(self) -> list[Attempt]:
        """The attempts that run, in the order of their starts."""
        return list(self._running.values())

    def find(self, lease: Lease) -> Attempt | None:
        """The running attempt under a lease."""
        return self._running.get(lease)

    async def wait_for_slot(self) -> None:
        """Return when a slot is free."""
        while self.free_slots <= 0:
            self._freed.clear()
            await self._freed.wait()

    async def wait_for_end_after(self, ends: int) -> None:
        """Return when more attempts have ended than this."""
        while self.ends <= ends:
            self._freed.clear()
            await self._freed.wait()

    @property
    def idle(self) -> bool:
        """True if nothing runs."""
        return not self._running

    async def wait_idle(self) -> None:
        """Return when nothing runs."""
        await self._idle.wait()
