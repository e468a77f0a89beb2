"""Plain functions, in threads."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext


class ThreadExecutor:
    """Runs plain functions in a thread pool of its own.

    No thread can be ended from outside, so a cancelled attempt is told through `current_job()` and ends
    when the function returns.

    Args:
        max_workers: how many functions run at once.
    """

    def __init__(self, max_workers: int = 32) -> None:
        self._max_workers = max_workers
        self._pool: ThreadPoolExecutor | None = None

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the function in a thread, and wait for it even when cancelled."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._max_workers, thread_name_prefix="pg_scheduler-job")
        in_context = contextvars.copy_context().run
        in_thread = self._pool.submit(lambda: in_context(call.func, *call.args, **call.kwargs))
        running = asyncio.wrap_future(in_thread)
        while True:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.done():
                    return running.result()
                # A function that waits for its turn has not begun, so it can still be left out. Ask the
                # thread's own future: asyncio's would say "cancelled" of a function that still runs.
                context.request_stop()
                if in_thread.cancel():
                    raise

    async def close(self) -> None:
        """Take no more work; functions that still run end with their threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
