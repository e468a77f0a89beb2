"""How long after a failed claim jobs may turn up that are leased to this worker unknown to it.

A claim whose answer was lost may have taken effect before the next look, or after it: a statement that the
worker has given up can still be carried out by a server that was stuck. What it leases is leased from its
beginning, so after the length of a lease nothing is left to be given back.

Another server that has taken over may lack how jobs of this worker ended; they are there from the first.
"""

from __future__ import annotations

import math

from pg_scheduler.ports.clock import Clock

FIRST_PAUSE = 1.0
"""Seconds between the first two looks; each pause is twice the one before."""


class ClaimDoubt:
    """Says when it is time to look."""

    def __init__(self, clock: Clock, lease: float) -> None:
        self._clock = clock
        self._lease = lease
        self._until = self._next = -math.inf
        self._pause = FIRST_PAUSE

    @property
    def exists(self) -> bool:
        """True if there may be such jobs."""
        return self._until > -math.inf

    @property
    def look_is_due(self) -> bool:
        """True if it is time to look for them."""
        return self.exists and self._clock.monotonic() >= self._next

    def claim_failed(self) -> None:
        """The answer of a claim, or of a look, was lost."""
        self._next = self._clock.monotonic()
        self._until = self._next + self._lease
        self._pause = FIRST_PAUSE

    def server_may_have_changed(self) -> None:
        """Connections broke, and are there again."""
        self._next = self._clock.monotonic()
        self._until = max(self._until, self._next)

    def looked(self, all_given_back: bool) -> None:
        """What was found has been given back; not all of it, if somebody holds a row."""
        now = self._clock.monotonic()
        if all_given_back and now >= self._until:
            self._until = -math.inf
        elif all_given_back:
            self._next, self._pause = now + self._pause, 2 * self._pause
