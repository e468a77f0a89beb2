"""Schedulers with short leases, and waiting for what must become true."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, overload

from pg_scheduler import Scheduler
from pg_scheduler.testing import ManualClock

PATIENCE = 45.0
"""Seconds after which a test gives up; far above what anything takes on a busy machine."""

_T = TypeVar("_T")


class BriskScheduler(Scheduler):
    """A scheduler whose lost jobs are taken back within seconds."""

    LEASE_DURATION = 2
    HEARTBEAT_THRESHOLD = 2


class HastyScheduler(Scheduler):
    """The shortest lease that a busy test machine can still renew in time."""

    LEASE_DURATION = 1
    HEARTBEAT_THRESHOLD = 1


@asynccontextmanager
async def idle(scheduler: Scheduler) -> AsyncIterator[Scheduler]:
    """Not started, its tables installed; closed in the end."""
    try:
        await scheduler.initialize_db()
        yield scheduler
    finally:
        await scheduler.shutdown()


def now() -> datetime:
    """The machine's wall time."""
    return datetime.now(UTC)


def past(seconds: float = 1) -> datetime:
    """An execution time that is due already, by whatever clock."""
    return now() - timedelta(seconds=seconds)


def later(seconds: float = 3600) -> datetime:
    """An execution time to come."""
    return now() + timedelta(seconds=seconds)


@overload
async def eventually(what: Callable[[], Awaitable[_T | None]], timeout: float = PATIENCE) -> _T: ...


@overload
async def eventually(what: Callable[[], _T | None], timeout: float = PATIENCE) -> _T: ...


async def eventually(what: Callable[[], Any], timeout: float = PATIENCE) -> Any:
    """The first true answer of `what`, asked every 20 ms.

    Raises:
        AssertionError: it never became true; shows the source of `what` and its last answer.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        answer = what()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(
                f"did not become true in {timeout} s: {inspect.getsource(what)} last answer: {answer!r}; "
                f"tasks:\n{_where_tasks_wait()}"
            )
        await asyncio.sleep(0.02)


async def as_time_passes(clock: ManualClock, what: Callable[[], Awaitable[bool] | bool]) -> None:
    """Return when `what` is true, on a clock that moves on by a quarter of a second before each look.

    Raises:
        AssertionError: as `eventually`.
    """

    async def later() -> bool:
        await clock.advance(0.25)
        answer = what()
        return answer if isinstance(answer, bool) else await answer

    await eventually(later)


async def within(waiting: Awaitable[_T], timeout: float = PATIENCE) -> _T:
    """The result of `waiting`, which must come in time.

    Raises:
        TimeoutError: it did not; says where every task of the loop waits.
    """
    waited = asyncio.ensure_future(waiting)
    try:
        done, _ = await asyncio.wait({waited}, timeout=timeout)
        if done:
            return waited.result()
        raise TimeoutError(f"nothing came in {timeout} s; tasks:\n{_where_tasks_wait()}")
    finally:
        await _cancelled(waited)


async def _cancelled(waited: asyncio.Future[Any]) -> None:
    if not waited.done():
        waited.cancel()
        await asyncio.wait({waited}, timeout=PATIENCE)


def _where_tasks_wait() -> str:
    return "\n".join(f"{task.get_name()}: {_chain(task.get_coro())}" for task in asyncio.all_tasks())


def _chain(awaited: Any) -> str:
    """The lines at which a coroutine and those that it awaits stand, the innermost last."""
    lines = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is None:
            lines.append(type(awaited).__name__)
            break
        lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return " > ".join(lines)
