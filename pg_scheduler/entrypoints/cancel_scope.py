"""The part of a handler that a cancellation ends."""

from __future__ import annotations

import asyncio
from types import TracebackType

from pg_scheduler.ports.job_context import JobContext


class CancelScope:
    """``with context.cancellation:`` - a cancellation that arrives within the block ends the block, and the
    handler goes on after it, to clean up and return. The job counts as cancelled, because it stopped when
    it was asked to. A sync handler reads `cancel_called` between two steps."""

    def __init__(self, context: JobContext) -> None:
        self._context = context

    @property
    def cancel_called(self) -> bool:
        """True once the job should stop. A handler that reads True here and returns counts as stopped; one
        that never looks counts as completed, because it is."""
        return self._context.cancel_called

    def __enter__(self) -> CancelScope:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, asyncio.CancelledError) or not self.cancel_called:
            return False
        task = asyncio.current_task()
        if task is not None:
            # Answered: a timeout that the handler uses while it cleans up must not take it for its own.
            task.uncancel()
        return True
