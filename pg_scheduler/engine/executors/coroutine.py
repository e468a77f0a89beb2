"""Async functions, on the worker's event loop."""

from __future__ import annotations

from typing import Any

from pg_scheduler.engine.executors.awaiting import must_be_awaited
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext


class AsyncExecutor:
    """Awaits the function; cancelling the attempt raises CancelledError inside it."""

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the coroutine to its end. Whatever that returns, the runner runs to its end in turn."""
        result = call.func(*call.args, **call.kwargs)
        return await result if must_be_awaited(result) else result

    async def close(self) -> None:
        """Nothing to free."""
