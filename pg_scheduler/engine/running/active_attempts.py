"""The attempts that run in this worker, and its free slots."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from pg_scheduler.domain.model import Lease
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.engine.running.claimed_ahead import ClaimedAhead


class ActiveAttempts:
    """Running attempts and free slots, and attempts that wait for one.

    Leases are kept separately from attempts: an attempt ends when its function ends, but its lease only when
    the verdict has reached the store; until then it must be renewed. Leases are read from the lease
    keeper's thread, hence the lock.
    """

    def __init__(self, capacity: int, lease: timedelta, ahead: ClaimedAhead) -> None:
        self.capacity = capacity
        self.ahead: ClaimedAhead = ahead
        self._lease_seconds = lease.total_seconds()
        self._renewed = -math.inf
        self._running: dict[Lease, Attempt] = {}
        self._by_hand = self._being_claimed = self._requested = 0
        self._held_back = False
        self._quiet = False
        self._leases: set[Lease] = set()
        self._lock = threading.Lock()
        self._freed = asyncio.Event()
        self.on_slot: Callable[[], object] = lambda: None
        """Called when one that waits may begin, for another reason than that an attempt has ended."""
        self.ends: int = 0
        """How many attempts have ended so far."""
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def free_slots(self) -> int:
        """How many more attempts may start."""
        if self._held_back:
            return 0
        return self.capacity - len(self._running) - self._by_hand

    @property
    def may_begin(self) -> int:
        """How many of those that wait may start: who asked for a slot by hand comes first."""
        return min(len(self.ahead), self.free_slots - self._requested)

    @property
    def room(self) -> int:
        """How many more jobs may be claimed. None while half of those that may wait for a slot do: a
        claim of many costs little more than one of a few."""
        most, waiting = self.ahead.limit, len(self.ahead)
        if self._held_back or self._quiet or waiting > most // 2:
            return 0
        if waiting == 0 and not self.ahead.backlog:
            most = 0
        return self.free_slots + most - waiting - self._being_claimed

    @contextmanager
    def claiming(self, jobs: int) -> Iterator[None]:
        """Hold room within this block, for jobs that are being claimed and taken in at its end."""
        self._being_claimed += jobs
        try:
            yield
        finally:
            self._being_claimed -= jobs
            self._freed.set()

    def set_quiet(self, quiet: bool) -> None:
        """Whether there is no room, whatever runs: somebody wants this worker to claim no more."""
        self._quiet = quiet
        if not quiet:
            self._freed.set()

    @contextmanager
    def slot_by_hand(self) -> Iterator[None]:
        """Hold a slot within this block, for an attempt that begins at its end."""
        self._by_hand += 1
        try:
            yield
        finally:
            self._by_hand -= 1
            self._freed.set()
            self.on_slot()

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
            self.on_slot()

    def claimed(self, attempts: Sequence[Attempt]) -> None:
        """Their leases are kept from now on."""
        with self._lock:
            self._leases.update([attempt.lease for attempt in attempts])

    def begun(self, attempt: Attempt) -> None:
        """It takes a slot."""
        self._running[attempt.lease] = attempt
        self._idle.clear()

    def waits(self, attempts: Sequence[Attempt]) -> None:
        """They are to take slots as these become free."""
        self.ahead.add(attempts)
        self._idle.clear()

    def ended(self, attempt: Attempt) -> None:
        """The function ended, or is not to begin: its slot is free, its lease still kept."""
        if self._running.pop(attempt.lease, None) is not None and attempt.decided:
            self.ahead.note_duration(attempt.took)
        self.ends += 1
        self._freed.set()
        if self.ahead:
            self.on_slot()
        elif not self._running:
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
        return now - max(attempt.claimed, self._renewed) >= self._lease_seconds

    def attempts(self) -> list[Attempt]:
        """The attempts that run, in the order of their starts."""
        return list(self._running.values())

    def of_queues(self, queues: Collection[str]) -> int:
        """How many jobs of these queues run or wait for a slot."""
        return sum(attempt.job.queue in queues for attempt in (*self._running.values(), *self.ahead))

    def find(self, lease: Lease) -> Attempt | None:
        """The running attempt under a lease, or the one that waits for a slot."""
        return self._running.get(lease) or self.ahead.find(lease)

    async def wait_for_slot(self) -> None:
        """Return when a slot is free. No attempt that waits takes it before the caller's next step."""
        self._requested += 1
        try:
            await self._wait_until(lambda: self.free_slots > 0)
        finally:
            self._requested -= 1
            asyncio.get_running_loop().call_soon(self.on_slot)

    async def wait_for_room(self) -> None:
        """Return when jobs may be claimed."""
        await self._wait_until(lambda: self.room > 0)

    async def _wait_until(self, met: Callable[[], bool]) -> None:
        while not met():
            self._freed.clear()
            await self._freed.wait()

    async def wait_for_end_after(self, ends: int) -> None:
        """Return when more attempts have ended than this."""
        await self._wait_until(lambda: self.ends > ends)

    @property
    def idle(self) -> bool:
        """True if nothing runs, and nothing waits for a slot."""
        return not self._running and not self.ahead

    async def wait_idle(self) -> None:
        """Return when nothing runs, and nothing waits for a slot."""
        await self._idle.wait()
