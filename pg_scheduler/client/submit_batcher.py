"""Single jobs that are submitted concurrently share statements: one round trip, one signal and one commit for
all that arrived while the previous statement was running. A lone caller is not delayed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from pg_scheduler.client.submit_retry import submit_with_retry
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import (
    ConnectionLost,
    DatabaseError,
    JobAlreadyExists,
    TransientDatabaseError,
)
from pg_scheduler.domain.model import NewJob
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.event_loops import running_loop

SIDE_BY_SIDE = 2
"""Statements under way at once: while one waits for the disk, the next is made."""
MOST_JOBS = 64
MOST_CHARACTERS = 1_000_000
"""Of one bundle; a job that is larger goes alone."""


def can_share(job: NewJob) -> bool:
    """True for a job that meets no other, so that nothing about it depends on its neighbours."""
    return job.fresh_id and job.dedupe_key is None


class _Waiting(NamedTuple):
    job: NewJob
    stored: asyncio.Future[None]


class _Submissions:
    """What is submitted in one event loop. An event loop that is left in the middle, by a fork or because it
    was closed, keeps it to itself."""

    def __init__(self) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.under_way = 0
        self.bundles: set[asyncio.Task[None]] = set()


class SubmitBatcher:
    """Submits jobs; those of one event loop together."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Submissions] = WeakKeyDictionary()

    async def submit(self, job: NewJob) -> None:
        """Store a job that `can_share`. Where a bundle is refused, each of its jobs is tried by itself, so a
        caller hears of what is wrong with its own job alone.

        Raises:
            As `submit_with_retry`. Cancelled while it waits for its turn, the job is not stored; later it
            may be.
        """
        loop = asyncio.get_running_loop()
        ours = self._by_loop.get(loop)
        if ours is None:
            ours = self._by_loop[loop] = _Submissions()
        if ours.under_way >= SIDE_BY_SIDE:
            waiting = _Waiting(job, loop.create_future())
            ours.waiting.append(waiting)
            await waiting.stored
            return
        ours.under_way += 1
        try:
            await self._store_one(job)
        finally:
            self._one_has_ended(ours, loop)

    def _one_has_ended(self, ours: _Submissions, loop: asyncio.AbstractEventLoop) -> None:
        ours.under_way -= 1
        # What was left in the middle ends when Python collects it, wherever that is: nobody waits for it.
        if loop is running_loop():
            self._send_next(ours)

    def _send_next(self, ours: _Submissions) -> None:
        bundle: list[_Waiting] = []
        characters = 0
        while ours.waiting and len(bundle) < MOST_JOBS:
            if ours.waiting[0].stored.done():  # its caller has been cancelled
                ours.waiting.popleft()
                continue
            characters += ours.waiting[0].job.size
            if bundle and characters > MOST_CHARACTERS:
                break
            bundle.append(ours.waiting.popleft())
        if bundle:
            ours.under_way += 1
            task = asyncio.create_task(self._send(bundle, ours), name="pg_scheduler bundle of jobs")
            ours.bundles.add(task)
            task.add_done_callback(ours.bundles.discard)

    async def _send(self, bundle: Sequence[_Waiting], ours: _Submissions) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self._store_all(bundle)
        finally:
            for one in bundle:
                one.stored.cancel()  # nothing happens to those that have been told
            self._one_has_ended(ours, loop)

    async def _store_all(self, bundle: Sequence[_Waiting]) -> None:
        try:
            answers = await submit_with_retry(
                self._driver, self._clock, [one.job for one in bundle], ConflictResolution.IGNORE
            )
        except (ConnectionLost, TransientDatabaseError) as error:
            for one in bundle:
                _tell(one, error)
        except (DatabaseError, ValueError, TypeError):
            for one in bundle:
                await self._store_by_itself(one)
        except Exception as error:
            for one in bundle:
                _tell(one, error)
        else:
            for one, answer in zip(bundle, answers, strict=True):
                taken = answer is Submission.IGNORED
                _tell(one, JobAlreadyExists([one.job.job_id]) if taken else None)

    async def _store_by_itself(self, one: _Waiting) -> None:
        if one.stored.done():
            return
        try:
            await self._store_one(one.job)
        except Exception as error:
            _tell(one, error)
        else:
            _tell(one, None)

    async def _store_one(self, job: NewJob) -> None:
        await submit_with_retry(self._driver, self._clock, [job], ConflictResolution.RAISE)


def _tell(one: _Waiting, error: Exception | None) -> None:
    if one.stored.done():
        return
    if error is None:
        one.stored.set_result(None)
    else:
        one.stored.set_exception(error)
