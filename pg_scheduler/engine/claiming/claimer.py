"""Keeps the slots filled with the most urgent due jobs."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from pg_scheduler.domain.model import START_ORDER, ClaimedJob
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.queues import QueueGroup
from pg_scheduler.engine.claiming.claim_doubt import ClaimDoubt
from pg_scheduler.engine.claiming.group_claims import Claimed, ClaimResult, GroupClaims, together
from pg_scheduler.engine.claiming.likes import Likes
from pg_scheduler.engine.claiming.turns import Turns
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.settling.lost_answers import orphaned_claims
from pg_scheduler.engine.waiting import first_of, wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.job_store import JobStore

log: logging.Logger = logging.getLogger(__name__)

DRAIN_PATIENCE = 5.0
"""Seconds: a lane that has something to give within this time (a rate, mostly) is worth waiting for when
somebody waits until nothing is left."""


LOOK_AGAIN = 1.0
"""Seconds until a due job is looked at again that somebody's open transaction held: nothing tells when that
transaction is rolled back."""


class Claimer:
    """Claims when there is a slot and a reason: its turn (see `Turns`), or the slow poll.

    `start_jobs` is called with claimed jobs in start order, `decline_job` for each instead if the reply to
    the claim came so late that the lease may be over. `listening` says whether signals arrive; if not, the
    claimer polls more often. `claimable` returns the names to claim; `queues` are the groups of queues that
    are served. `on_expired` is called with the ids of jobs that a claim found too late to start.
    """

    def __init__(
        self,
        *,
        jobs: JobStore,
        insight: Insight,
        worker_id: str,
        clock: Clock,
        lease: timedelta,
        batch_limit: int,
        polling: PollingConfig,
        claimable: Callable[[], frozenset[str]],
        queues: Sequence[QueueGroup],
        active: ActiveAttempts,
        start_jobs: Callable[[Sequence[ClaimedJob]], object],
        decline_job: Callable[[ClaimedJob], object],
        listening: Callable[[], bool],
        likes: Likes,
        turns: Turns,
        on_expired: Callable[[Sequence[str]], None] = lambda job_ids: None,
    ) -> None:
        self._jobs = jobs
        self._insight = insight
        self._worker_id = worker_id
        self._clock = clock
        self._lease = lease
        self._batch_limit = batch_limit
        self._polling = polling
        self._claimable = claimable
        self._groups = [
            GroupClaims(
                group,
                jobs=jobs,
                worker_id=worker_id,
                clock=clock,
                lease=lease,
                slots=active.capacity,
                poll_after=lambda: self._interval() * (1 - polling.jitter),
                on_expired=self._note_expired,
            )
            for group in queues
        ]
        self._active = active
        self._ends_seen = 0
        self._start_jobs = start_jobs
        self._decline_job = decline_job
        self._listening = listening
        self._likes = likes
        self._turns = turns
        turns.connect(self.wake, self._include_lanes)
        self._on_expired = on_expired
        self._woken = asyncio.Event()
        self._empty_poll = asyncio.Event()
        self.empty_polls: int = 0
        """How many looks found nothing that could be started."""
        self._one_at_a_time = asyncio.Lock()
        self._doubt = ClaimDoubt(clock, lease.total_seconds())
        self._stopping = False
        self._given_up = False
        self.stopped: asyncio.Event = asyncio.Event()

    def wake(self) -> None:
        """There may be something to claim."""
        self._woken.set()

    def wake_for_lanes(self, at_once: bool = False) -> None:
        """There may be something to claim from a lane; `at_once`: whatever that costs."""
        self._include_lanes(at_once)
        self.wake()

    def _include_lanes(self, at_once: bool = False) -> None:
        for group in self._groups:
            group.lanes.request(at_once)

    def look_for_strays(self) -> None:
        """Before the next claim, give back what is leased to this worker unknown to it: another server may
        answer from now on, which has forgotten how some of its jobs ended."""
        self._doubt.server_may_have_changed()
        self._woken.set()

    def stop(self) -> None:
        """Claim no more; a claim that is under way is finished first (see `stopped`)."""
        self._stopping = True
        self._woken.set()

    def give_up(self) -> None:
        """Wait no longer for the claim under way: what it brings after all is given back unstarted."""
        self._given_up = True

    async def one_round(self) -> None:
        """Fill free slots once, then wait for a reason to look again."""
        if self._stopping:
            self.stopped.set()
            await asyncio.Event().wait()
        if self._active.room <= 0:
            await self._wait_for_room()
            return
        self._woken.clear()
        claimed = await self.claim_once()
        if not claimed.taken and claimed.complete and _or_never(claimed.lanes_open_in) > DRAIN_PATIENCE:
            self._note_empty_poll()
        if not claimed.filled:
            await self._idle(claimed)

    def _note_empty_poll(self) -> None:
        self.empty_polls += 1
        empty_poll, self._empty_poll = self._empty_poll, asyncio.Event()
        empty_poll.set()

    async def wait_empty_poll_after(self, polls: int) -> None:
        """Return once a look later than this one has found nothing that could be started now."""
        while self.empty_polls <= polls:
            await self._empty_poll.wait()

    async def claim_once(self) -> Claimed:
        """Claim and start what fits."""
        limit, names = self._active.room, self._claimable()
        if not names or limit <= 0:
            return Claimed(0, filled=limit <= 0)
        with self._active.claiming(limit):
            async with self.claiming():
                return await self._claim(names, limit)

    @asynccontextmanager
    async def claiming(self) -> AsyncIterator[None]:
        """Around everything that claims for this worker, one at a time. If the claim before has failed, what
        it may have leased is given back first: nobody would run it until its lease is over. So is what
        another server believes to run here."""
        async with self._one_at_a_time:
            if self._doubt.look_is_due:
                await self._release_orphaned_claims()
            try:
                yield
            except BaseException:
                self._doubt.claim_failed()
                raise

    async def release_orphaned_claims(self) -> None:
        """Give back what a failed claim may have leased to this worker; nothing happens if none failed."""
        async with self._one_at_a_time:
            if self._doubt.exists:
                await self._release_orphaned_claims()

    async def _release_orphaned_claims(self) -> None:
        # Known before the store is asked: what is settled meanwhile is no stray, and nothing starts.
        given_back = await orphaned_claims(self._insight, self._worker_id, self._active.leases())
        answers: Sequence[bool | None] = ()
        if given_back:
            answers = (await self._jobs.settle(given_back, now=self._clock.pinned())).accepted
        answered = [
            settlement for settlement, answer in zip(given_back, answers, strict=True) if answer is not None
        ]
        if answered:
            log.warning(
                "jobs given back: %d; the reply to their claim was lost, or the server has forgotten how they"
                " ended (after a failover)",
                len(answered),
                extra={"job_ids": [settlement.job_id for settlement in answered]},
            )
        # A row that somebody holds is given back before the next claim.
        self._doubt.looked(all_given_back=None not in answers)

    async def _claim(self, names: frozenset[str], limit: int) -> Claimed:
        """From each group of queues in turn, as far as its share goes."""
        results: list[ClaimResult] = []
        answers: list[Claimed] = []
        self._likes.claims(names)
        self._turns.looking()
        self._ends_seen, left = self._active.ends, limit

        def start_now() -> None:
            # Of several groups, the most urgent job of all starts first.
            if len(self._groups) == 1:
                self._start_in_order(results)
                results.clear()

        try:
            for group in self._groups:
                room = min(left, self._batch_limit, group.room(self._active))
                if room > 0:
                    answers.append(await group.claim(names, room, results, start_now))
                    left -= answers[-1].taken
                    if answers[-1].from_lanes:
                        # Who waits for a slot keeps others out of its lane: as soon as none does, none will.
                        self._active.ahead.suspend()
        finally:
            # Whatever was claimed is leased to this worker, even if another claim failed.
            # A process that was frozen or cut off meanwhile would start jobs that others have run by now.
            self._start_in_order(results)
        claimed = together(answers, of=len(self._groups))
        self._turns.looked(claimed)
        self._active.ahead.note_claim(claimed.filled)
        return claimed

    def _start_in_order(self, results: list[ClaimResult]) -> None:
        now, lease = self._clock.monotonic(), self._lease.total_seconds()
        starting: list[ClaimedJob] = []
        for sent_at, jobs in results:
            if now - sent_at < lease and not self._given_up:
                starting += jobs
            else:
                for job in jobs:
                    self._decline_job(job)
        if len(results) > 1:  # each answer is in order already
            starting.sort(key=START_ORDER)
        if starting:
            self._start_jobs(starting)

    def _note_expired(self, expired: Sequence[str]) -> None:
        self._on_expired(expired)
        for job_id in expired:
            log.warning("job %r expired: not started within its grace", job_id, extra={"job_id": job_id})

    async def _wait_for_room(self) -> None:
        """Return when something may be claimed or the claimer is stopped; other reasons to look can wait."""
        room = asyncio.ensure_future(self._active.wait_for_room())
        try:
            while not room.done() and not self._stopping:
                self._woken.clear()
                woken = asyncio.ensure_future(self._woken.wait())
                await asyncio.wait({room, woken}, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
        finally:
            room.cancel()

    def _interval(self) -> float:
        return self._polling.interval if self._listening() else self._polling.interval_without_listen

    async def _idle(self, claimed: Claimed) -> None:
        interval = self._interval() * (1 - self._polling.jitter * random.random())
        if claimed.passed_over:
            interval = min(interval, LOOK_AGAIN)
        if claimed.lanes_held:
            # Nobody tells when they are free.
            interval = min(interval, _or_never(claimed.lanes_open_in))
        woken = wait_at_most(self._woken, interval, self._clock)
        if claimed.complete:
            await woken
        else:
            # Of a group whose slots were taken, jobs may be waiting for one of them.
            await first_of(woken, self._active.wait_for_end_after(self._ends_seen))


def _or_never(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
