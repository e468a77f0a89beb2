"""Waiting for jobs to finish: by notification, or by polling if no notification is possible.

Theory of operation. All waits of a client share one listening connection and one look: a statement that reads
the statuses of all awaited jobs at once. Before its first look at a job it marks the job as awaited; then the
end of the job is notified, and its row outlasts a policy that deletes at once. What a notification says is
only a reason to look: anybody may send one, so the row alone is believed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from pg_scheduler.client.shared_looks import SharedLooks
from pg_scheduler.domain.errors import ConnectionLost, DatabaseError, JobNotFound, TransientDatabaseError
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.keep_listening import keep_listening
from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.forks import forget_in_forks, leave_to_parent
from pg_scheduler.ports.insight import Insight
from pg_scheduler.ports.signals import Signals

log: logging.Logger = logging.getLogger(__name__)

IDLE_TIMEOUT = 5.0
"""Seconds that the connection is kept after the last wait: the next one often follows."""
FIRST_PAUSE, MAX_PAUSE = 0.02, 1.0
"""Seconds between looks at jobs of whose ends no notification can come."""
PAUSE_WHEN_NOTIFIED = 5.0
"""Seconds between looks at all jobs while notifications come: behind a pooler one can be lost."""
MOST_AT_ONCE = 1_000
"""Jobs that one statement looks at."""

Ended = asyncio.Future[JobStatus]
HowEnded = dict[str, JobStatus | None]
"""How jobs ended, by id; None: it is gone."""


class CompletionWaiter:
    """Knows when awaited jobs finish. The connection and the task behind it exist only while somebody waits,
    and shortly after."""

    def __init__(self, signals: Signals, insight: Insight, clock: Clock) -> None:
        self._signals = signals
        self._insight = insight
        self._clock = clock
        self._begin_anew()
        forget_in_forks(self, CompletionWaiter._forget_parent)

    def _forget_parent(self) -> None:
        leave_to_parent(self._waits, self._looks, self._listening, self._looking)
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Forget what belongs to another event loop."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits: dict[str, set[Ended]] = {}
        self._seen: set[str] = set()
        """Those that have been looked at."""
        self._marked: set[str] = set()
        """Those of whose end a notification will tell."""
        self._looks = SharedLooks()
        self._listening: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._ready = asyncio.Event()

    async def wait(self, job_id: str, limit: float | None) -> JobStatus | None:
        """How the job ended; None if it has not within `limit` seconds.

        Raises:
            JobNotFound: it is gone, or was never stored.
            DatabaseError: it cannot be looked at.
        """
        deadline = None if limit is None else self._clock.monotonic() + limit
        with self._awaiting([job_id]) as (ended,):
            await self._look_at(job_id, ended)
            if not ended.done() and await self._passed(ended, deadline):
                await self._look_at(job_id, ended)
            return ended.result() if ended.done() else None

    async def ends(self, job_ids: Collection[str], limit: float | None) -> AsyncGenerator[HowEnded, None]:
        """How these jobs ended, those together that one look has found, until all have ended or `limit`
        seconds are over. None stands for a job that is gone, or was never stored.

        Raises:
            DatabaseError: they cannot be looked at.
        """
        deadline = None if limit is None else self._clock.monotonic() + limit
        wanted = list(dict.fromkeys(job_ids))
        found, news = dict[str, Ended](), asyncio.Event()

        def note(job_id: str, ended: Ended) -> None:
            found[job_id] = ended
            news.set()

        with self._awaiting(wanted) as all_ended:
            left = len(wanted)
            for job_id, ended in zip(wanted, all_ended, strict=True):
                ended.add_done_callback(partial(note, job_id))
            self._looks.add(wanted)
            while left:
                seconds = None if deadline is None else max(deadline - self._clock.monotonic(), 0)
                if too_late := not await wait_at_most(news, seconds, self._clock):
                    again = [
                        job_id for job_id, ended in zip(wanted, all_ended, strict=True) if not ended.done()
                    ]
                    await asyncio.wait({self._looks.ask(again)})
                    await asyncio.sleep(0)  # what it has found is noted
                news.clear()
                left -= len(found)
                if found:
                    yield {job_id: _how(found.pop(job_id)) for job_id in list(found)}
                if too_late:
                    return

    async def _look_at(self, job_id: str, ended: Ended) -> None:
        """Return after a look at this job that began after now, or once it has ended."""
        waits: list[asyncio.Future[Any]] = [ended, self._looks.ask([job_id])]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)

    async def _passed(self, ended: Ended, deadline: float | None) -> bool:
        """Whether the deadline comes before the end."""
        if deadline is None:
            await asyncio.wait({ended})
            return False
        timer = asyncio.ensure_future(self._clock.sleep(max(deadline - self._clock.monotonic(), 0)))
        waits: list[asyncio.Future[Any]] = [ended, timer]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return not ended.done()

    @contextmanager
    def _awaiting(self, job_ids: Collection[str]) -> Iterator[list[Ended]]:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            self._begin_anew()
        self._loop = loop
        waits = self._waits
        awaited: dict[str, Ended] = {job_id: loop.create_future() for job_id in job_ids}
        for job_id, ended in awaited.items():
            waits.setdefault(job_id, set()).add(ended)
        self._start()
        try:
            yield list(awaited.values())
        finally:
            for job_id, ended in awaited.items():
                others = waits.get(job_id, set())
                others.discard(ended)
                if not others:
                    waits.pop(job_id, None)
                if ended.done() and not ended.cancelled():
                    ended.exception()  # nobody may be left to ask for it
            if self._waits is waits:
                self._seen &= waits.keys()
                self._marked &= waits.keys()
                if not waits:
                    self._leaving = loop.call_later(IDLE_TIMEOUT, self._leave)

    # --- looking

    async def _keep_looking(self) -> None:
        pause, last_of_all = FIRST_PAUSE, self._clock.monotonic()
        while True:
            unsure = [job_id for job_id in self._waits if job_id not in self._marked]
            notified = self._ready.is_set()
            until_all = last_of_all + PAUSE_WHEN_NOTIFIED - self._clock.monotonic()
            if not self._waits:
                longest = PAUSE_WHEN_NOTIFIED
            else:
                longest = min(pause, until_all) if unsure or not notified else until_all
            if await wait_at_most(self._looks.requested, max(longest, 0), self._clock):
                pause = FIRST_PAUSE
            else:
                pause = min(pause * 1.5, MAX_PAUSE)
                every = not notified or self._clock.monotonic() >= last_of_all + PAUSE_WHEN_NOTIFIED
                self._looks.add(list(self._waits) if every else unsure)
                last_of_all = self._clock.monotonic() if every else last_of_all
            job_ids, looked = self._looks.take()
            await self._look(job_ids)
            looked.set_result(None)

    async def _look(self, job_ids: Collection[str]) -> None:
        wanted = [job_id for job_id in job_ids if job_id in self._waits]
        for first in range(0, len(wanted), MOST_AT_ONCE):
            await self._look_at_some(wanted[first : first + MOST_AT_ONCE])

    async def _look_at_some(self, job_ids: list[str]) -> None:
        try:
            await self._mark([job_id for job_id in job_ids if job_id not in self._marked])
            statuses = await self._insight.statuses(job_ids)
        except (ConnectionLost, TransientDatabaseError) as error:
            # A wait that has begun outlasts it; one that begins fails.
            log.info("cannot look at awaited jobs; trying again: %s", error, extra={"error": str(error)})
            for job_id in job_ids:
                if job_id not in self._seen:
                    self._tell(job_id, error)
        except Exception as error:
            for job_id in job_ids:
                self._tell(job_id, error)
        else:
            self._answer(job_ids, statuses)

    async def _mark(self, job_ids: list[str]) -> None:
        if not job_ids:
            return
        try:
            self._marked |= await self._signals.await_jobs(job_ids) & self._waits.keys()
        except DatabaseError as error:
            # Whether it can be looked at will show.
            log.debug("no signal of the ends of %d jobs; polling: %s", len(job_ids), error)

    def _answer(self, job_ids: Collection[str], statuses: Mapping[str, JobStatus]) -> None:
        for job_id in job_ids:
            status = statuses.get(job_id)
            if status is None:
                self._tell(job_id, JobNotFound(job_id))
            elif status.finished:
                self._tell(job_id, status)
        self._seen |= self._waits.keys() & set(job_ids)

    def _tell(self, job_id: str, answer: JobStatus | Exception) -> None:
        # Nobody looks at it any more, however long those wait for others who wait for several.
        for ended in self._waits.pop(job_id, ()):
            self._seen.discard(job_id)
            self._marked.discard(job_id)
            if ended.done():
                continue
            if isinstance(answer, Exception):
                ended.set_exception(answer)
            else:
                ended.set_result(answer)

    # --- listening

    def _start(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if _has_ended(self._looking):
            self._looking = asyncio.create_task(self._keep_looking(), name="pg_scheduler looks at jobs")
        before = self._listening
        if _has_ended(before):
            self._listening = asyncio.create_task(self._keep_listening(before), name="pg_scheduler ends")

    async def _keep_listening(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})  # it is leaving, and must not end the newer one's listening
        meanwhile = f"Awaited jobs are looked at every {MAX_PAUSE:g} s"
        await keep_listening(self._listen_once, self._clock, meanwhile)

    async def _listen_once(self, on_ready: Callable[[], None]) -> None:
        def begin() -> None:
            on_ready()
            self._begin()

        try:
            await self._signals.listen_finished(self._heard, begin)
        finally:
            if self._ready.is_set():
                self._ready.clear()
                self._looks.add(())  # from now on by polling

    def _begin(self) -> None:
        self._ready.set()
        self._looks.add(self._waits)  # what happened before was missed

    def _heard(self, job_id: str, status: JobStatus) -> None:
        if job_id in self._waits:
            self._looks.add([job_id])

    def _leave(self) -> None:
        if not self._waits:
            for task in (self._listening, self._looking):
                if task is not None:
                    task.cancel()

    async def close(self) -> None:
        """Listen no more; waits go on by polling."""
        if self._loop is not asyncio.get_running_loop():
            if self._loop is not None and self._loop.is_closed():
                self._begin_anew()  # what ended with that event loop keeps its connections
            return  # it has never waited here
        if self._leaving is not None:
            self._leaving.cancel()
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait({listening})
        if self._looking is not None and not self._waits:
            self._looking.cancel()
            await asyncio.wait({self._looking})


def _how(ended: Ended) -> JobStatus | None:
    try:
        return ended.result()
    except JobNotFound:
        return None


def _has_ended(task: asyncio.Task[None] | None) -> bool:
    return task is None or task.done() or task.cancelling() > 0
