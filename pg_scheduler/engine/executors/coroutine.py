"""Async functions, on the worker's event loop."""

from __future__ import annotations

from typing import Any

from pg_scheduler.engine.executors.awaiting import finished
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext


class AsyncExecutor:
    """Awaits the function; cancelling the attempt raises CancelledError inside it."""

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the coroutine to its end."""
        return await finished(call.func(*call.args, **call.kwargs))

    async def close(self) -> None:
        """Nothing to free."""
