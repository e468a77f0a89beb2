"""Running until a signal says stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger("pg_scheduler.running")


@contextmanager
def _handling(on_signal: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT call `on_signal` within this block; what handled them before does so again after."""
    loop = asyncio.get_running_loop()
    handled: dict[signal.Signals, Any] = {}
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, on_signal)
        except (NotImplementedError, RuntimeError, ValueError):
            continue  # not the main thread, or a platform without: then signals stay as they are
        handled[number] = before
    try:
        yield
    finally:
        for number, before in handled.items():
            loop.remove_signal_handler(number)
            # None: it was not Python that set it, so Python cannot set it again.
            signal.signal(number, signal.SIG_DFL if before is None else before)


async def run_until_signalled(
    start: Callable[[], Awaitable[None]],
    shutdown: Callable[[float | None], Awaitable[None]],
    grace: float | None,
) -> None:
    """Start, wait for SIGTERM or SIGINT, shut down within `grace`; a second signal releases at once."""
    asked, again = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        if asked.is_set():
            log.warning("second signal: running jobs are released now")
            again.set()
        else:
            log.info("signal: waiting for running jobs")
            asked.set()

    with _handling(on_signal):
        await start()
        hasten: asyncio.Task[None] | None = None
        try:
            await asked.wait()
        finally:
            hasten = asyncio.create_task(_hasten(again, shutdown))
            try:
                await shutdown(grace)
            finally:
                hasten.cancel()


async def _hasten(again: asyncio.Event, shutdown: Callable[[float | None], Awaitable[None]]) -> None:
    await again.wait()
    await shutdown(0)
