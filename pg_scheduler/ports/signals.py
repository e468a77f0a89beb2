"""Wake-ups between processes."""

from __future__ import annotations

from collections.abc import Callable, Collection
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
    WORKER = "worker"
    """Somebody asked a worker for something: each renews its leases, which tells whether it is this one."""


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
        """Tell of every awaited job that ends (see `await_jobs`): its id and how it ended, as somebody says;
        the row knows. As `listen`."""
        ...

    async def await_jobs(self, job_ids: Collection[str]) -> set[str]:
        """Make sure that the ends of these jobs will be told, and that their rows are there for a while then,
        whatever the retention: see `Retention.prune`. Jobs that have ended, or do not exist, are left alone.

        Returns:
            Those that are marked so. Others may be asked for again: somebody's open transaction held them.
        """
        ...
