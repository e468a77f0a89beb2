"""An event loop whose time is a number: it jumps to the next timer whenever nothing else is left to do.

Every callback belongs to the host in whose context it was made, or to nobody. A frozen host's callbacks are
kept until it is thawed, a dead host's are never run: that is how a process is stopped or killed in here.
Nothing depends on addresses: tasks and futures hash by the order in which they were made.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

HOST: ContextVar[Host | None] = ContextVar("host", default=None)
"""Whose callbacks are being made."""

SPIN = 20_000
"""So many turns at one instant are a loop that never ends."""


class Stuck(Exception):
    """Nothing is left to happen, or the same instant goes on for ever."""


class Life(Enum):
    """What a host does."""

    RUNS = "runs"
    FROZEN = "frozen"
    DEAD = "dead"


class Host:
    """A process that can be frozen, thawed and killed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.life = Life.RUNS
        self.held: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.awake_since = 0.0
        """When it began, or went on after having been frozen."""
        self.context = copy_context()
        self.context.run(HOST.set, self)

    def unfinished(self) -> list[asyncio.Task[Any]]:
        """Its tasks that have not ended, oldest first."""
        self.tasks = [task for task in self.tasks if not task.done()]
        return self.tasks


class _Handle(asyncio.Handle):
    __slots__ = ("host",)
    host: Host | None


class _Timer(asyncio.TimerHandle):
    __slots__ = ("host",)
    host: Host | None


class _Future(asyncio.Future[Any]):
    def __init__(self, number: int, loop: VirtualLoop) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class _Task(asyncio.Task[Any]):
    def __init__(self, number: int, coro: Any, **options: Any) -> None:
        self._number = number  # before it is entered in asyncio's set of all tasks
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number


if TYPE_CHECKING:  # to a type checker all methods of the abstract loop are abstract, at run time none is
    _Loop = asyncio.BaseEventLoop
else:
    _Loop = asyncio.AbstractEventLoop


class VirtualLoop(_Loop):
    """The part of an event loop that needs no operating system."""

    def __init__(self) -> None:
        self._now = 0.0
        self._numbers = count(1)
        self._ready: deque[_Handle | _Timer] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._running = self._closed = False
        self._turns = 0
        self.complaints: list[str] = []
        """What asyncio would have logged: exceptions that nobody asked for."""

    # --- what asyncio asks of a loop

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return self._closed

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(next(self._numbers), self)

    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[_T]:
        task = _Task(next(self._numbers), coro, loop=self, name=name, context=context)
        host = HOST.get() if context is None else context.get(HOST)
        if host is not None:
            host.tasks.append(task)
            if len(host.tasks) > 200:
                host.unfinished()
        return task

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        handle.host = HOST.get() if context is None else context.get(HOST)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # there is one thread

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        timer.host = HOST.get() if context is None else context.get(HOST)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer is dropped when its turn comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def run_until_complete(self, future: Any) -> Any:
        main = asyncio.ensure_future(future, loop=self)
        asyncio._set_running_loop(self)
        self._running = True
        try:
            while not main.done():
                self._turn()
        finally:
            self._running = False
            asyncio._set_running_loop(None)
        return main.result()

    def close(self) -> None:
        self._closed = True
        self._ready.clear()
        self._timers.clear()

    # --- time, and processes

    def _turn(self) -> None:
        self._turns += 1
        if not self._ready:
            self._jump()
        elif self._turns > SPIN:
            raise Stuck(f"{SPIN} turns at one instant; next is {self._ready[0]!r}")
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if handle.cancelled():
                continue
            if handle.host is None or handle.host.life is Life.RUNS:
                handle._run()
            elif handle.host.life is Life.FROZEN:
                handle.host.held.append(handle)

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            raise Stuck("nothing is left to happen, and the simulation has not ended")
        if timers[0][0] > self._now:
            self._now, self._turns = timers[0][0], 0
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def freeze(self, host: Host) -> None:
        """Nothing of this host happens until it is thawed; its time goes on."""
        if host.life is Life.RUNS:
            host.life = Life.FROZEN

    def thaw(self, host: Host) -> None:
        """Everything that should have happened meanwhile happens now."""
        if host.life is Life.FROZEN:
            host.life = Life.RUNS
            host.awake_since = self._now
            self._ready.extend(host.held)  # type: ignore[arg-type]
            host.held.clear()

    def kill(self, host: Host) -> None:
        """Nothing of this host ever happens again. Not from within one of its own tasks."""
        host.life = Life.DEAD
        host.held.clear()
        ended: set[asyncio.Task[Any]] = set()
        # Some begin others on their way out.
        while left := [task for task in host.tasks if not task.done() and task not in ended]:
            for task in left:
                ended.add(task)
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _end(task, host)


def _end(task: asyncio.Task[Any], host: Host) -> None:
    """What its functions do on the way out reaches nobody: it is over for them, in their own context. Some
    wait on the way, which is refused as often as they try."""
    coro: Any = task.get_coro()
    for _ in range(10):
        try:
            host.context.copy().run(coro.close)
        except RuntimeError:
            continue
        return
