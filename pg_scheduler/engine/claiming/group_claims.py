"""Claims from the queues of one group: those of a worker that share its slots, or a queue with slots of its
own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, TransientDatabaseError
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.engine.claiming.claim_cursor import ClaimCursor
from pg_scheduler.engine.limits.lane_gate import LaneGate
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.ports.claims import MOST_PER_CLAIM, ClaimRequest
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.job_store import JobStore

log: logging.Logger = logging.getLogger(__name__)

ClaimResult = tuple[float, Sequence[ClaimedJob]]
"""When the store was asked, by the monotonic clock, and the jobs that it gave, in start order."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What claims returned."""

    taken: int
    """Rows that were dealt with."""
    filled: bool
    """True if as many were taken as were wanted: there may be more."""
    next_due_in: timedelta | None = None
    """Time until the next job outside lanes is due, where that is known."""
    passed_over: bool = False
    """Whether somebody's open transaction holds due jobs."""
    lanes_open_in: float | None = None
    """Seconds until a lane may have something to give; None: nobody knows of anything."""
    from_lanes: int = 0
    """How many of them are jobs of tasks with limits."""
    complete: bool = True
    """False if a group of queues was left out, as its slots are taken."""
    lanes_seen: bool = False
    """Whether the lanes were looked at."""
    lanes_held: bool = False
    """Whether some could not be, as another claim or somebody's transaction holds them."""


def together(answers: Sequence[Claimed], of: int) -> Claimed:
    """What the claims of these groups say together, of so many groups that there are."""
    return Claimed(
        taken=sum(one.taken for one in answers),
        filled=any(one.filled for one in answers),
        next_due_in=min((one.next_due_in for one in answers if one.next_due_in is not None), default=None),
        passed_over=any(one.passed_over for one in answers),
        from_lanes=sum(one.from_lanes for one in answers),
        lanes_open_in=min(
            (one.lanes_open_in for one in answers if one.lanes_open_in is not None), default=None
        ),
        complete=len(answers) == of,
        lanes_seen=bool(answers) and all(one.lanes_seen for one in answers),
        lanes_held=any(one.lanes_held for one in answers),
    )


class GroupClaims:
    """Claims for one worker from one group of queues.

    No more jobs than there are `slots` are claimed from lanes at once: each holds a place that others want.
    `poll_after` returns after how many seconds the lanes are looked at without a reason.
    `on_expired` is called with the ids of jobs that were too late to start.
    """

    def __init__(
        self,
        group: QueueGroup,
        *,
        jobs: JobStore,
        worker_id: str,
        clock: Clock,
        lease: timedelta,
        slots: int,
        poll_after: Callable[[], float],
        on_expired: Callable[[Sequence[str]], None],
    ) -> None:
        self.group = group
        self._jobs = jobs
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._slots = slots
        self._poll_after = poll_after
        self._on_expired = on_expired
        self.lanes: LaneGate = LaneGate(clock)
        self._cursor = ClaimCursor(clock)
        self._busy = False
        self._lanes_held = False
        self._unrivalled = False

    def room(self, active: ActiveAttempts) -> int:
        """How many more of its jobs may run at once, and be claimed at once."""
        if self.group.slots is None:
            return MOST_PER_CLAIM
        return min(self.group.slots - active.of_queues(self.group.queues or ()), MOST_PER_CLAIM)

    async def claim(
        self,
        names: frozenset[str],
        limit: int,
        results: list[ClaimResult],
        start_now: Callable[[], None] = lambda: None,
    ) -> Claimed:
        """Claim at most so many jobs of these names. What was claimed is added to the results, also if this
        raises. `start_now` is called when those may start, whatever else is claimed."""
        request = ClaimRequest(self._worker_id, names, limit, self._lease, self.group.queues)
        from_lanes, outranked, next_due_in, passed_over = 0, False, None, False
        lanes_seen, self._lanes_held = self.lanes.is_open(self._busy), False
        if lanes_seen:
            from_lanes, outranked = await self._claim_lanes(request, results)
            if self._unrivalled:
                start_now()
        taken = from_lanes
        if taken < request.limit:
            rest = replace(request, limit=request.limit - taken)
            rows, next_due_in, passed_over = await self._claim_others(rest, results)
            taken += rows
            self._busy = rows == rest.limit
        if outranked and not self._busy and taken < request.limit:
            # What came before the jobs in lanes could not be had: somebody's transaction holds it.
            rest = replace(request, limit=request.limit - taken, competing=False)
            more, _ = await self._claim_lanes(rest, results)
            from_lanes, taken = from_lanes + more, taken + more
        return Claimed(
            taken,
            taken >= limit,
            next_due_in,
            passed_over,
            self.lanes.opens_in(),
            from_lanes,
            lanes_seen=lanes_seen,
            lanes_held=self._lanes_held,
        )

    async def _claim_lanes(self, request: ClaimRequest, results: list[ClaimResult]) -> tuple[int, bool]:
        """How many jobs were taken, and whether others came before some that lanes had room for. If the store
        refuses the statement, that is logged and tried again: tasks without limits do not wait for it."""
        sent_at, reasons = self._clock.monotonic(), self.lanes.requests
        self._unrivalled = False
        request = replace(
            request,
            limit=min(request.limit, self._slots),
            lane_cursor=self.lanes.cursor if request.competing else None,
            resume_after=self._cursor.positions(),
        )
        try:
            answer = await self._jobs.claim_lanes(request, now=self._clock.pinned())
        except (ConnectionLost, TransientDatabaseError):
            raise
        except DatabaseError:
            self.lanes.failed()
            self._lanes_held = True
            log.exception("jobs of tasks with limits could not be claimed; the others are")
            return 0, False
        took = self._clock.monotonic() - sent_at
        self.lanes.answered(answer, reasons, took, self._poll_after())
        self._lanes_held = self._lanes_held or answer.passed_over
        # A look that began at marks may have missed what stands before them.
        self._unrivalled = answer.unrivalled and not request.resume_after
        self._record_result(results, answer.jobs, answer.expired, sent_at)
        # What expired takes no slot.
        return len(answer.jobs), answer.outranked

    async def _claim_others(
        self, request: ClaimRequest, results: list[ClaimResult]
    ) -> tuple[int, timedelta | None, bool]:
        """How many rows were dealt with, when the next job is due, and whether due ones were passed over."""
        positions = self._cursor.positions()
        sent_at = self._clock.monotonic()
        answer = await self._jobs.claim(replace(request, resume_after=positions), now=self._clock.pinned())
        took = self._clock.monotonic() - sent_at
        self._record_result(results, answer.jobs, answer.expired, sent_at)
        if answer.sorted_into_lanes:
            self.lanes.request()
        if self._cursor.answered(answer, request.limit, with_positions=bool(positions)):
            rest = replace(request, limit=request.limit - answer.rows)
            rows, next_due_in, passed_over = await self._claim_others(rest, results)
            return answer.rows + rows, next_due_in, passed_over
        # The store counted from when the question reached it, and the next one takes as long to get there.
        age = timedelta(seconds=took)
        next_due_in = None if answer.next_due_in is None else max(answer.next_due_in - age, timedelta(0))
        return answer.rows, next_due_in, answer.passed_over

    def _record_result(
        self,
        results: list[ClaimResult],
        jobs: Sequence[ClaimedJob],
        expired: Sequence[str],
        sent_at: float,
    ) -> None:
        if jobs:
            results.append((sent_at, jobs))
        if expired:
            self._on_expired(expired)
