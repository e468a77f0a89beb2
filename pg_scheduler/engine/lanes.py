"""When the lanes of limited tasks are worth a look."""

from __future__ import annotations

import random

from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import LaneAnswer

BUSY_SHARE = 0.05
"""How much of a busy worker's claiming may go into lanes: tasks without limits must not be slowed by them."""


class LaneGate:
    """Open when there may be something to claim from lanes. Whoever has reason to think so says `ask`; the
    store's last answer says when else."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._asked = True
        self._not_before = 0.0
        self._not_before_when_busy = 0.0
        self._next_at: float | None = None

    def ask(self, at_once: bool = False) -> None:
        """A lane may have something to give; `at_once`: the next look is taken, whatever that costs."""
        self._asked = True
        if at_once:
            self._not_before = self._not_before_when_busy = 0.0

    def is_open(self, busy: bool) -> bool:
        """True if the lanes should be claimed from now. `busy` says that jobs outside lanes are waiting."""
        now = self._clock.monotonic()
        if self._next_at is not None and now >= self._next_at:
            self._asked = True
        return self._asked and now >= (self._not_before_when_busy if busy else self._not_before)

    def opens_in(self) -> float | None:
        """Seconds until a worker without other work should look; None: when it is told to."""
        now = self._clock.monotonic()
        if self._asked:
            return max(self._not_before - now, 0.0)
        return None if self._next_at is None else max(self._next_at - now, 0.0)

    def answered(self, answer: LaneAnswer, took: float) -> None:
        """The store was asked, and that took so many seconds."""
        now = self._clock.monotonic()
        self._asked = answer.more
        self._next_at = None if answer.next_in is None else now + answer.next_in.total_seconds()
        # Left to chance, so that workers that got in each other's way do not meet again.
        self._not_before = now + took * random.uniform(0.5, 1.5)
        self._not_before_when_busy = now + took * (1 / BUSY_SHARE - 1)
