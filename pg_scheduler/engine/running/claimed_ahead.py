"""Jobs that are claimed before there is a slot for them, so that short jobs need not wait for the store."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence

from pg_scheduler.domain.model import START_ORDER, Lease
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.ports.clock import Clock

AHEAD = 0.1
"""Seconds of work that are claimed ahead: nobody else is kept from a job for longer, and what is more urgent
than all of it waits no longer for a slot."""
MOST_AHEAD = 1_000
"""Jobs claimed ahead at most: half of them run while the next half is being claimed."""
PATIENCE = 0.5
"""Seconds after which a job that still waits for a slot is given back: what runs turned out to be slow."""
BACKLOG = 0.1
"""Seconds for which all claims must have been filled before any are claimed ahead."""
SHARE = 1 / 32
"""What one more duration counts for in the mean."""


class ClaimedAhead:
    """Attempts that wait for a slot, in start order, and how many may.

    As many may wait as the slots get through in `AHEAD` seconds, by what the last attempts took. A worker
    whose jobs take long claims a job when there is a slot for it, as if there were nothing like this. None
    may wait if `enabled` is False, or until more is known.
    """

    def __init__(self, slots: int, clock: Clock, *, enabled: bool) -> None:
        self._seconds_of_slots = AHEAD * slots
        self._clock = clock
        self._enabled = enabled
        self._waiting: deque[Attempt] = deque()
        self._mean = self._unknown = 2 * self._seconds_of_slots
        self._suspended_until = 0.0
        self._some = asyncio.Event()
        self._filled_since: float | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._waiting)

    @property
    def limit(self) -> int:
        """How many may wait."""
        if not self._enabled or self._clock.monotonic() < self._suspended_until:
            return 0
        return int(min(self._seconds_of_slots / max(self._mean, 1e-9), MOST_AHEAD))

    @property
    def backlog(self) -> bool:
        """Whether there have been more jobs than slots for a while. Of a few jobs for one instant others, who
        have slots, get theirs first: what waits here would start later than what is less urgent there."""
        since = self._filled_since
        return since is not None and self._clock.monotonic() - since >= BACKLOG

    def note_claim(self, filled: bool) -> None:
        """A claim has taken all that it could (`filled`), or all that there was."""
        if not filled:
            self._filled_since = None
        elif self._filled_since is None:
            self._filled_since = self._clock.monotonic()

    def note_duration(self, seconds: float) -> None:
        """An attempt has ended that took so long."""
        self._mean += (seconds - self._mean) * SHARE

    def suspend(self) -> None:
        """None are to be claimed ahead for a while: what is claimed now should not wait."""
        self._suspended_until = self._clock.monotonic() + PATIENCE

    def add(self, attempts: Sequence[Attempt]) -> None:
        """These wait from now on. They are in start order among themselves."""
        behind = self._waiting and START_ORDER(self._waiting[-1].job) > START_ORDER(attempts[0].job)
        self._waiting.extend(attempts)
        self._some.set()
        if behind:
            self._waiting = deque(sorted(self._waiting, key=lambda attempt: START_ORDER(attempt.job)))

    def find(self, lease: Lease) -> Attempt | None:
        """The one under this lease."""
        return next((attempt for attempt in self if attempt.lease == lease), None)

    def pop(self) -> Attempt:
        """The first of those that wait; it waits no longer."""
        return self._waiting.popleft()

    async def wait_for_any(self) -> None:
        """Return when something waits."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()

    def take_overdue(self) -> list[Attempt]:
        """Those that have waited so long that somebody else should have them; they wait no longer here."""
        latest = self._clock.monotonic() - PATIENCE
        overdue = [attempt for attempt in self if attempt.claimed <= latest]
        if overdue:
            self._waiting = deque(attempt for attempt in self if attempt.claimed > latest)
            self._mean = self._unknown  # until some have ended
        return overdue

    def take_all(self) -> list[Attempt]:
        """All that wait; they wait no longer."""
        waiting, self._waiting = list(self._waiting), deque()
        return waiting
