"""What changes is told to every open page: one LISTEN for the process, and a look now and then, because not
everything signals (the end of a job does not, unless somebody waits for it)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from weakref import WeakKeyDictionary

from starlette.responses import Response, StreamingResponse

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.ports.signals import SignalKind
from pg_scheduler_web.desk import Desk
from pg_scheduler_web.screen import Topic
from pg_scheduler_web.showing import Visit

log: logging.Logger = logging.getLogger(__name__)

DEBOUNCE = 0.25
"""Seconds in which signals become one."""
LOOK = 2.0
"""Seconds between two looks of an open page where nothing signals."""
BEAT = 15.0
"""Seconds after which a silent stream says that it lives."""
AGAIN = 5.0
"""Seconds after which LISTEN is tried again."""
LONGEST = 3600.0
"""Seconds after which the browser is to connect, and to be let in, anew."""

_TOPICS = {
    SignalKind.DUE: {Topic.JOBS, Topic.QUEUES},
    SignalKind.LANE: {Topic.JOBS, Topic.QUEUES},
    SignalKind.CANCEL: {Topic.JOBS},
    SignalKind.SCHEDULE: {Topic.SCHEDULES},
    SignalKind.WORKER: {Topic.WORKERS},
}


class Changes:
    """Tells who follows what changed. It listens while anybody follows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._followers: set[Follower] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._pending: set[Topic] = set()
        self._wake = asyncio.Event()

    def join(self) -> Follower:
        """Follow from now on."""
        follower = Follower()
        self._followers.add(follower)
        if not self._tasks:
            self._tasks = [asyncio.create_task(work()) for work in (self._listen, self._tell, self._look)]
        return follower

    def leave(self, follower: Follower) -> None:
        """The last one turns out the light."""
        self._followers.discard(follower)
        if not self._followers:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def note(self, topics: set[Topic]) -> None:
        """Something of these has changed."""
        self._pending |= topics
        self._wake.set()

    async def _listen(self) -> None:
        while True:
            with suppress(PgSchedulerError, TimeoutError):
                await self._desk.client.open()
                await self._desk.driver.signals.listen(
                    lambda signal: self.note(_TOPICS.get(signal.kind, {Topic.JOBS})), lambda: None
                )
            await asyncio.sleep(AGAIN)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self.note(set(Topic))

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(DEBOUNCE)
            topics, self._pending = self._pending, set()
            self._wake.clear()
            for follower in self._followers:
                follower.note(topics)


class Follower:
    """One open page. A slow one misses nothing: what it has not been sent yet is put together."""

    def __init__(self) -> None:
        self._topics: set[Topic] = set()
        self._changed = asyncio.Event()

    def note(self, topics: set[Topic]) -> None:
        """These have changed."""
        self._topics |= topics
        self._changed.set()

    async def next(self) -> set[Topic]:
        """What has changed since the last call; nothing after a while without changes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT):
                await self._changed.wait()
        self._changed.clear()
        topics, self._topics = self._topics, set()
        return topics


_changes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[int, Changes]] = WeakKeyDictionary()


def changes_of(desk: Desk) -> Changes:
    """Those of a dashboard, in the event loop that runs."""
    of_loop = _changes.setdefault(asyncio.get_running_loop(), {})
    return of_loop.setdefault(id(desk), Changes(desk))


async def follow_changes(visit: Visit) -> Response:
    """A stream of server-sent events, each with the topics that changed."""
    return StreamingResponse(
        _events(changes_of(visit.desk)),
        media_type="text/event-stream",
        headers={"x-accel-buffering": "no"},
    )


async def _events(changes: Changes) -> AsyncIterator[str]:
    follower = changes.join()
    ends = asyncio.get_running_loop().time() + LONGEST
    try:
        yield "retry: 3000\n\n"
        while asyncio.get_running_loop().time() < ends:
            topics = await follower.next()
            yield f"event: changed\ndata: {' '.join(sorted(topics))}\n\n" if topics else ": alive\n\n"
    finally:
        changes.leave(follower)
