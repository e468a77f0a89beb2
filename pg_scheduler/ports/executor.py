"""The Executor port: how a task's function is actually run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from pg_scheduler.ports.job_context import JobContext


class Call(NamedTuple):
    """One invocation: the function with the decoded arguments of the job."""

    func: Callable[..., Any]
    args: list[Any]
    kwargs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class UnserializableResult:
    """Stands for a result that exists where the function ran but could not be transferred. The call has
    succeeded; if the job asked for its result to be stored, `reason` is stored instead."""

    reason: str


class Executor(Protocol):
    """Runs one call at a time per `execute`; many `execute` run side by side."""

    async def execute(self, call: Call, context: JobContext) -> Any:
        """Run the call to its end and return what it returned.

        When the task that awaits this is cancelled, the call must be stopped for real before
        `CancelledError` leaves, or, where that is impossible (a thread), the call must have been told
        through `context` and have ended by itself. Returning a value after a cancellation says
        truthfully that the call finished anyway.
        """
        ...

    async def close(self) -> None:
        """Free threads and processes. Legal before the first call, and twice."""
        ...
