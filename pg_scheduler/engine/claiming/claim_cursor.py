"""Remembers how far a backlog has been claimed, when finding that out again has become slow.

While any transaction on the server stays open, PostgreSQL keeps the dead index entries of claimed jobs, and
each claim has to step over all of them: after some ten thousand jobs that takes longer than the claim itself.
Marks let a claim begin where the last one ended. Jobs that were stored late, or became pending again, may be
before the marks; so marks are used only while every claim is filled, and only for a short time.
"""

from __future__ import annotations

from pg_scheduler.ports.claims import ClaimAnswer, ClaimPosition
from pg_scheduler.ports.clock import Clock

SLOW, SLOW_PER_JOB = 0.001, 0.000_006
"""Seconds, by the store's own word, from which a look for so many jobs counts as slow: several times what it
takes where nothing stands in the way (0.2 ms for ten jobs, 1 ms for five hundred)."""
STREAK = 5
"""So many slow looks one after the other are no accident."""
SHORTEST_ROUND = 0.5
"""Seconds for which marks are used at the least."""
SHARE = 0.05
"""The share of the time that claims without marks may take."""


class ClaimCursor:
    """The marks of one claimer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks: dict[tuple[str, str, int], ClaimPosition] = {}
        self._used_until = 0.0
        self._slow = 0

    def positions(self) -> tuple[ClaimPosition, ...]:
        """The marks for the next claim; none if it is time to look at everything."""
        if not self._marks or self._clock.monotonic() >= self._used_until:
            return ()
        return tuple(self._marks.values())

    def answered(self, answer: ClaimAnswer, limit: int, with_positions: bool) -> bool:
        """Learn from a claim. True if it says less than one without marks would: it found no more beyond
        them. A store that does not tell how long it looked is never asked with marks."""
        if answer.rows < limit:
            self._marks.clear()
            self._slow = 0
            return with_positions
        if not with_positions:
            self._marks.clear()
            scan_seconds = answer.scan_seconds or 0.0
            self._slow = self._slow + 1 if scan_seconds >= SLOW + SLOW_PER_JOB * limit else 0
            if self._slow < STREAK:
                return False
            self._used_until = self._clock.monotonic() + max(SHORTEST_ROUND, scan_seconds / SHARE)
        for job in answer.jobs:
            position = ClaimPosition(job.queue, job.task_name, job.rank, job.execution_time, job.job_id)
            self._marks[position.stream] = position
        return False
