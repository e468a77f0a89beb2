"""Decides when to claim from the lanes of limited tasks."""

from __future__ import annotations

import math
import random

from pg_scheduler.ports.claims import LaneAnswer, LaneCursor
from pg_scheduler.ports.clock import Clock

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 1.0
"""Seconds before lanes are looked at again whose jobs somebody's transaction holds, or that could not be
looked at; it doubles while that goes on."""

BUSY_SHARE = 0.05
"""How much of a busy worker's claiming may go into lanes: tasks without limits must not be slowed by them."""


class LaneGate:
    """Open when there may be something to claim from lanes: after a call of `request`, and at the time that
    the store's last answer gave."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._requests = 1
        self._answered = 0
        self._not_before = 0.0
        self._not_before_when_busy = 0.0
        self._next_at = math.inf
        self._poll_at = 0.0
        self._pause = 0.0
        self._swept = True
        self.cursor: LaneCursor | None = None
        """Where the next claim from the lanes goes on."""

    def request(self, at_once: bool = False) -> None:
        """A lane may have something to give; `at_once`: the next look is taken, whatever that costs."""
        self._requests += 1
        if at_once:
            self._not_before = self._not_before_when_busy = 0.0

    @property
    def requests(self) -> int:
        """How many requests there were so far. The answer to a claim may have missed those that came while
        the claim was under way."""
        return self._requests

    def is_open(self, busy: bool) -> bool:
        """True if the lanes should be claimed from now. `busy` says that jobs outside lanes are waiting."""
        now = self._clock.monotonic()
        reason = self._requests > self._answered or now >= min(self._next_at, self._poll_at)
        return reason and now >= (self._not_before_when_busy if busy else self._not_before)

    def opens_in(self) -> float | None:
        """Seconds until a worker without other work should claim; None: at the next request or poll."""
        now = self._clock.monotonic()
        next_at = -math.inf if self._requests > self._answered else self._next_at
        return None if next_at == math.inf else max(next_at - now, self._not_before - now, 0.0)

    def answered(self, answer: LaneAnswer, requests: int, took: float, poll: float) -> None:
        """A claim has answered all requests up to this number, in `took` seconds; `poll` seconds from now the
        lanes are claimed from without a request."""
        now = self._clock.monotonic()
        self._answered = requests
        if answer.more:
            self.request()
        next_at = math.inf if answer.next_in is None else now + answer.next_in.total_seconds()
        # What earlier answers said of other lanes holds until all have been looked at.
        self._next_at = next_at if self._swept else min(self._next_at, next_at)
        self._swept, self.cursor = answer.swept, answer.cursor
        self._poll_at = now + poll
        if answer.passed_over and not answer.jobs:
            self._next_at = min(self._next_at, now + self._longer_pause())
        else:
            self._pause = 0.0
        # Left to chance, so that workers that got in each other's way do not meet again. Who was given jobs
        # was in nobody's way: the next slot of their lane may be free already.
        self._not_before = now if answer.jobs else now + took * random.uniform(0.5, 1.5)
        self._not_before_when_busy = now + took * (1 / BUSY_SHARE - 1)

    def failed(self) -> None:
        """A claim from the lanes has failed: the next is made after a pause, whatever happens meanwhile."""
        self.request()
        self.cursor = None
        self._not_before = self._not_before_when_busy = self._clock.monotonic() + self._longer_pause()

    def _longer_pause(self) -> float:
        self._pause = min(max(2 * self._pause, SHORTEST_PAUSE), LONGEST_PAUSE)
        return self._pause
