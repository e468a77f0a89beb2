"""Plain functions, in threads."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from pg_scheduler.engine.executors.daemon_threads import DaemonThreads
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.forks import forget_in_forks
from pg_scheduler.ports.job_context import JobContext


class ThreadExecutor:
    """Runs plain functions in a thread pool of its own.

    A thread cannot be stopped from outside: a cancelled attempt is informed through `current_job()` and ends
    when the function returns.

    Args:
        max_workers: how many functions run at once.
    """

    def __init__(self, max_workers: int = 32) -> None:
        self._max_workers = max_workers
        self._threads: DaemonThreads | None = None
        forget_in_forks(self, ThreadExecutor.forget_parent)

    def forget_parent(self) -> None:
        """A forked process has none of the threads."""
        self._threads = None

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the function in a thread, and wait for it even when cancelled, unless it is abandoned."""
        if self._threads is None:
            self._threads = DaemonThreads(self._max_workers, "pg_scheduler-job")
        in_context = contextvars.copy_context().run
        queued = self._threads.submit(lambda: in_context(call.func, *call.args, **call.kwargs))
        running = asyncio.wrap_future(queued)
        while True:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.done():
                    # It ended in the very moment in which it should have been stopped: what it did counts.
                    return running.result()
                context.request_stop()
                # A function that waits for its turn has not begun, so it can still be left out. (The
                # asyncio future would say yes to anything: it stops waiting, the thread goes on.)
                if queued.cancel() or context.abandoned:
                    raise

    async def close(self) -> None:
        """Take no more work; functions that still run end with their threads."""
        if self._threads is not None:
            self._threads.close()
            self._threads = None
