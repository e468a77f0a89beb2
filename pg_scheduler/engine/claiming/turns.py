"""When an idle worker looks for jobs, so that of many workers a few do.

Theory of operation. What is stored is signalled to all workers. Each has a place in line, which differs from
job to job, and looks after a wait that grows with it: the first at once. Who has looked, and has seen that
nothing is left, tells its likes: what that look has seen, they need not look for, and they know from it when
the next job is due. So a job costs a look and a word however many workers there are, and if the first in line
are busy, frozen or gone, the next ones look a moment later. A worker that could not take all that was due
says nothing, and they come as well.

That nothing is left holds for what was committed before the look began. What is signalled later but before
the word reaches the worker that looks before its own word does, as signals arrive in the order of the
commits. So it keeps these reasons to look for itself: no word of others counts for them, because those may
have missed the same, and each would rely on the other. All of this only spares looks. A word that is lost,
or the death of a worker that has spoken, is made good by the polls, which every worker goes on with.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from pg_scheduler.engine.claiming.group_claims import Claimed
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.signals import Looked, Signal, SignalKind

SHORTEST = 1e-6
"""Seconds: what a look says is due at once was not due when it looked, so others have not seen it either."""
EARLY = 0.002
"""Seconds that two clocks may differ by on the way to a job's time: who looks so early looks again, and does
not make others look for it as well."""


class Turn:
    """Reasons to look of one kind: for jobs outside lanes, or for those in lanes."""

    def __init__(self) -> None:
        self._at = math.inf
        """When to look for what is there."""
        self._from = self._then = math.inf
        """From when on something will be there, and when to look for that."""
        self.by_others: bool = False
        """Whether somebody else told of any of that; else this worker knows by a look of its own."""

    @property
    def at(self) -> float:
        """When to look."""
        return min(self._at, self._then)

    def add(self, now: float, due_in: float, wait: float, by_others: bool) -> None:
        """Something is there in so many seconds, and to be looked for so much later."""
        self.by_others = self.by_others or by_others
        if self._from <= now:
            self._at, self._from, self._then = self.at, math.inf, math.inf
        if due_in <= 0:
            self._at = min(self._at, now + wait)
        else:
            self._from = min(self._from, now + due_in)
            self._then = min(self._then, now + due_in + wait)

    def seen(self, now: float) -> bool:
        """Somebody looks for what is there by now; whether there was something to look for."""
        waiting = self._at < math.inf or self._from <= now
        self._at = math.inf
        if self._from <= now:
            self._from = self._then = math.inf
        if self.at == math.inf:
            self.by_others = False
        return waiting


class Turns:
    """Makes the claimer look in its turn.

    `tell` passes on to the likes what a look has seen.
    """

    def __init__(self, *, worker_id: str, clock: Clock, likes: Likes, tell: Callable[[Looked], None]) -> None:
        self._worker_id = worker_id
        self._clock = clock
        self._likes = likes
        self._tell = tell
        self._jobs, self._lanes = Turn(), Turn()
        self._missed_jobs, self._missed_lanes = Turn(), Turn()
        """What was signalled from the beginning of the last look until its word arrived."""
        self._looking = False
        self._words = self._arrived = 0
        """How many words this worker has told, and the last of them that has arrived."""
        self._others_wait = False
        """Whether others have the same reason to look."""
        self._changed = asyncio.Event()
        self._look: Callable[[], None] = _nobody
        self._include_lanes: Callable[[], None] = _nobody

    def connect(self, look: Callable[[], None], include_lanes: Callable[[], None]) -> None:
        """Say how this worker is made to look, and to include the lanes when it does. It also includes them
        when their gate is open by itself: at the time that its own last look gave."""
        self._look, self._include_lanes = look, include_lanes

    def heard(self, signal: Signal) -> None:
        """Jobs are due now or soon, or a lane has something to give."""
        if not self._likes.concerns(signal):
            return
        wait = self._likes.wait_for(signal)
        due_in = signal.due_in if self._likes.many else 0.0
        in_lanes = signal.kind is SignalKind.LANE
        if wait == 0 and due_in <= 0:
            self._others_wait = True
            if in_lanes:
                self._include_lanes()
            self._look()
            return
        if self._looking or self._arrived < self._words:
            turn = self._missed_lanes if in_lanes else self._missed_jobs
        else:
            turn = self._lanes if in_lanes else self._jobs
        turn.add(self._clock.monotonic(), due_in, wait, by_others=True)
        self._changed.set()

    def others_looked(self, looked: Looked) -> None:
        """One of the likes has seen what this worker would see now."""
        if looked.leases_end_in is not None:
            return
        if looked.worker_id == self._worker_id:
            self._arrived = max(self._arrived, looked.number)
            return
        if looked.likes != self._likes.digest:
            return
        now = self._clock.monotonic()
        self._jobs.seen(now)
        self._expect(self._jobs, looked.jobs_due_in, by_others=True)
        if looked.lanes:
            self._lanes.seen(now)
            self._expect(self._lanes, looked.lanes_open_in, by_others=True)

    def looking(self) -> None:
        """This worker looks now. What it will not see it hears of from now on."""
        now, self._looking = self._clock.monotonic(), True
        for jobs in (self._jobs, self._missed_jobs):
            if jobs.seen(now):
                self._others_wait = True
        for lanes in (self._lanes, self._missed_lanes):
            by_others = lanes.by_others
            if lanes.seen(now):
                self._others_wait = True
                if by_others:
                    self._include_lanes()

    def looked(self, claimed: Claimed) -> None:
        """What it has seen."""
        self._looking = False
        due_in = None if claimed.next_due_in is None else claimed.next_due_in.total_seconds()
        early = due_in is not None and due_in < EARLY and not claimed.taken
        self._expect(self._jobs, due_in, by_others=False, wait=0.0 if early else None)
        self._expect(self._lanes, claimed.lanes_open_in, by_others=False)
        unfinished = claimed.filled or not claimed.complete or claimed.passed_over or claimed.lanes_held
        if unfinished or early:
            return  # there may be more, and others look for it
        if self._likes.many and (self._others_wait or (claimed.lanes_seen and claimed.taken)):
            self._words += 1
            self._tell(
                Looked(
                    self._worker_id,
                    self._likes.digest,
                    due_in,
                    claimed.lanes_seen,
                    claimed.lanes_open_in,
                    number=self._words,
                )
            )
        self._others_wait = False

    async def one_round(self) -> None:
        """Wait for the next turn, and look."""
        self._changed.clear()
        now = self._clock.monotonic()
        next_at = min(turn.at for turn in (self._jobs, self._lanes, self._missed_jobs, self._missed_lanes))
        if next_at > now:
            await wait_at_most(self._changed, None if next_at == math.inf else next_at - now, self._clock)
            return
        self.looking()
        self._look()

    def _expect(self, turn: Turn, due_in: float | None, by_others: bool, wait: float | None = None) -> None:
        if due_in is not None:
            wait = self._likes.wait_for_time() if wait is None else wait
            turn.add(self._clock.monotonic(), max(due_in, SHORTEST), wait, by_others)
            self._changed.set()


def _nobody() -> None:
    """Nothing is connected."""
