"""Takes back jobs whose worker stopped renewing its lease."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, DatabaseUnavailable
from pg_scheduler.domain.model import ClaimedJob, JobRecord
from pg_scheduler.domain.states import JobEvent, JobStatus
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.engine.claiming.likes import Likes, group_of
from pg_scheduler.engine.leases.lease_keeper import RENEWALS_PER_LEASE
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import JobStore
from pg_scheduler.ports.leases import Reclaimed, ReclaimRequest
from pg_scheduler.ports.signals import Looked, ignored

log: logging.Logger = logging.getLogger(__name__)

AFTER_RESTART = 5.0
"""Seconds that workers get to renew after a start of the server, or half a lease: they try within two."""
LONGEST_NAP = 10.0
"""Seconds between looks at the most: a lease that began since the last look is seen in time."""
STEP = 0.25
"""Seconds that the worker which looked last gets to look again before the next ones do."""
SHORTEST_NAP = 0.25
"""Seconds between looks at the least (an eighth of a short lease): so much later than its lease's end a job
is taken back where a look came just before it. Workers that live renew long before, so naps are rarely short.
"""


UNDER_WAY = 5.0
"""Seconds that a look may be under way at the most, or a quarter of a lease: one that an outage has held up
comes with the renewals of those who live, and must not come before them."""


async def _nothing_to_renew() -> None:
    """This worker holds no leases."""


class Reclaimer:
    """Runs when the next lease would expire, so that a lost job waits for seconds, not for a poll.

    Of many workers one does: who has looked tells when it looks again, and the others look a moment later,
    unless they have been told again by then. Where nothing is told, every worker looks.

    After a database outage every lease looks expired although its worker is alive; the reclaimer then
    gives the workers half a lease to renew before it takes any job back. It learns of an outage by its own
    failure or by that of its worker's renewals. A restart of the server can be read from the server itself,
    so workers that started after it know of it too. And a look that comes to the store long after it was
    sent takes nothing, and counts as an outage: renewals may have been held up as it was.

    `renew_own` renews the leases of this worker if they may be over: it is called before any is taken back.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        insight: Insight,
        clock: Clock,
        lease: timedelta,
        heartbeat_threshold: timedelta,
        max_crashes: int,
        on_reclaimed: Callable[[], None],
        on_ended: Callable[[ClaimedJob, Verdict, float], None],
        on_taken: Callable[[Reclaimed], None] = lambda one: None,
        renew_own: Callable[[], Awaitable[None]] = _nothing_to_renew,
        worker_id: str = "",
        likes: Likes | None = None,
        tell: Callable[[Looked], None] = ignored,
    ) -> None:
        self._jobs = jobs
        self._insight = insight
        self._clock = clock
        self._lease = lease.total_seconds()
        patience = timedelta(seconds=min(self._lease / 2, AFTER_RESTART))
        self._request = ReclaimRequest(heartbeat_threshold, max_crashes, after_restart=patience)
        self._lanes_after = ("", "")
        self._on_reclaimed = on_reclaimed
        self._on_ended = on_ended
        self._on_taken = on_taken
        self._ended: list[Reclaimed] = []
        """Jobs that ended here, of which nobody has heard yet."""
        self._renew_own = renew_own
        self._after_outage = False
        self._under_way = timedelta(seconds=min(self._lease / 4, UNDER_WAY))
        self._looked: tuple[datetime, float] | None = None
        """The store's time of the last answer, and when that was by the clock of this process."""
        self._worker_id = worker_id
        self._likes = likes
        self._tell = tell
        self._look_at = 0.0
        self._moved = asyncio.Event()

    def others_looked(self, looked: Looked) -> None:
        """Another worker has looked for lost leases, and says when it does again."""
        if self._likes is None or looked.leases_end_in is None or looked.worker_id == self._worker_id:
            return
        nap = min(max(looked.leases_end_in, 0.0), self._longest_nap)
        place = random.randrange(self._likes.workers)
        self._look_at = self._clock.monotonic() + nap + STEP * (1 + random.random() + group_of(place, 2))
        self._moved.set()

    def note_outage(self) -> None:
        """The database was out of reach: a renewal of this worker's own leases failed."""
        self._after_outage = True

    async def one_round(self) -> None:
        """Reclaim once, then sleep until the next lease may end."""
        try:
            if self._after_outage:
                await self._insight.workers()
                await self._clock.sleep(self._lease / 2)
                self._after_outage = False
            # What lives in this very worker is not lost, whatever keeps its leases from being renewed.
            await self._renew_own()
            _, next_expiry_in = await self._reclaim()
        except (ConnectionLost, DatabaseUnavailable):
            # Then nobody can renew. A statement that was refused or took too long (a lock, a deadlock) says
            # nothing of the kind.
            self.note_outage()
            raise
        nap = self._nap(next_expiry_in)
        if self._likes is not None and self._likes.many_workers:
            self._tell(Looked(self._worker_id, "", leases_end_in=nap))
        self._look_at = self._clock.monotonic() + nap
        while (left := self._look_at - self._clock.monotonic()) > 0:
            self._moved.clear()
            await wait_at_most(self._moved, left, self._clock)

    async def reclaim_once(self, *, force: bool = False) -> list[Reclaimed]:
        """Take back everything whose lease is over now; what was taken. `force`: even if the server has
        only just started."""
        taken, _ = await self._reclaim(force)
        return taken

    async def _reclaim(self, force: bool = False) -> tuple[list[Reclaimed], timedelta | None]:
        taken: list[Reclaimed] = []
        request = replace(self._request, after_restart=timedelta(0)) if force else self._request
        while True:
            not_after = None if force else self._not_after()
            request = replace(request, not_after=not_after, lanes_after=self._lanes_after)
            answer = await self._jobs.reclaim_expired(request, now=self._clock.pinned())
            self._lanes_after = answer.lanes_after
            if answer.came_late:
                log.info("a look for lost leases was under way for too long, or the clock has jumped")
                self.note_outage()
                # Once everybody has had the time to renew, the next one may take its time: where a busy pool
                # makes all of them wait, lost jobs must come back all the same.
                self._looked = None
            elif answer.looked_at is not None:
                self._looked = answer.looked_at, self._clock.monotonic()
            taken.extend(answer.jobs)
            if len(answer.jobs) < self._request.limit:
                break
        for one in taken:
            self._report(one)
            self._on_taken(one)
        if taken:
            self._on_reclaimed()
        self._ended += [one for one in taken if one.status.finished]
        await self._report_ends()
        return taken, answer.next_expiry_in

    def _not_after(self) -> datetime | None:
        """By the store's clock, when a look that is sent now has been under way for too long."""
        if self._looked is None:
            return None
        looked_at, then = self._looked
        return looked_at + timedelta(seconds=self._clock.monotonic() - then) + self._under_way

    async def _report_ends(self) -> None:
        """Nobody settles these jobs: who observes this worker hears of them here."""
        while self._ended:
            one = self._ended[0]
            try:
                record = await self._insight.job(one.job_id)
            except DatabaseError as error:
                log.info(
                    "the end of job %r is told later: %s", one.job_id, error, extra={"job_id": one.job_id}
                )
                return
            self._ended.pop(0)
            if record is None:
                log.warning(
                    "job %r was deleted before anybody could be told that it ended",
                    one.job_id,
                    extra={"job_id": one.job_id},
                )
                continue
            event = JobEvent.CONFIRM_CANCEL if one.status is JobStatus.CANCELLED else JobEvent.EXHAUST_CRASHES
            self._on_ended(
                record.claimed(), Verdict(event, error_message=record.error_message), _lasted(record)
            )

    @property
    def _longest_nap(self) -> float:
        # No longer than leases go without renewal: an outage that outlasts one does not pass unnoticed.
        return min(LONGEST_NAP, self._lease / RENEWALS_PER_LEASE)

    def _nap(self, next_expiry_in: timedelta | None) -> float:
        if next_expiry_in is None:
            return self._longest_nap
        # A hair after the end; but a lease that is always renewed in time must not be watched in a spin.
        shortest = min(SHORTEST_NAP, self._lease / 8)
        return min(self._longest_nap, max(shortest, next_expiry_in.total_seconds() + 0.01))

    def _report(self, one: Reclaimed) -> None:
        facts = {"job_id": one.job_id, "lost_by": one.worker_id, "crashes": one.crash_count}
        if one.status is JobStatus.FAILED:
            log.error(
                "job %r failed: workers died while running it (%d)",
                one.job_id,
                one.crash_count,
                extra=facts,
            )
        else:
            log.warning(
                "job %r recovered: worker %s stopped renewing its lease",
                one.job_id,
                one.worker_id,
                extra={**facts, "status": one.status},
            )


def _lasted(record: JobRecord) -> float:
    """Seconds from the start of the last attempt to the end of the job."""
    if record.started_at is None or record.finished_at is None:
        return 0.0
    return max((record.finished_at - record.started_at).total_seconds(), 0.0)
