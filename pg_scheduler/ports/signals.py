"""Wake-ups between processes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from pg_scheduler.domain.errors import ConnectionLost
from pg_scheduler.domain.states import JobStatus


class SignalKind(StrEnum):
    """Why a worker is woken."""

    DUE = "due"
    """A job is due now or soon."""
    CANCEL = "cancel"
    """A running job was asked to stop."""
    SCHEDULE = "schedule"
    """A schedule has changed, or its unfinished run has finished."""
    LANE = "lane"
    """A lane has something to give: a job is due now or soon, a running one ended, a task is resumed."""


class SignalsSwallowed(ConnectionLost):
    """Listening seemed to work, but signals do not arrive."""


class Signals(Protocol):
    """Wake-ups between processes."""

    async def listen(self, on_signal: Callable[[SignalKind], None], on_ready: Callable[[], None]) -> None:
        """Deliver signals from now on, on a connection of its own; runs until cancelled.

        `on_ready` is called once signals would no longer be missed.

        Raises:
            ConnectionLost: the connection broke; call again to go on.
            SignalsSwallowed: signals do not arrive, and `on_ready` was not called.
        """
        ...

    async def listen_finished(
        self, on_finished: Callable[[str, JobStatus], None], on_ready: Callable[[], None]
    ) -> None:
        """Tell of every awaited job that ends (see `await_job`): its id and how it ended. As `listen`."""
        ...

    async def await_job(self, job_id: str) -> None:
        """Make sure that the end of this job will be told. Nothing happens if it has ended, or does not
        exist."""
        ...
