"""Wake-ups between processes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Signal:
    """Why a worker is woken, and what it need not look up to know whether that concerns it. What is left out
    is not known."""

    kind: SignalKind
    key: str | None = None
    """The same for all who hear it, and different for different jobs: it decides who looks first. None: who
    caused the signal looks by itself."""
    jobs: int = 1
    """How many were stored together."""
    due_in: float = 0.0
    """Seconds until the first of them is due, if more than 0. That is believed only where many hear it: who
    heard it late, as its loop was blocked, would start it late."""
    queue: str | None = None
    """Where all of them wait."""
    task_name: str | None = None
    """Which task all of them are of."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a worker tells its likes, so that they need not look as well."""

    worker_id: str
    likes: str
    """Who would have seen the same: see `RenewRequest.likes`. Empty: all workers."""
    jobs_due_in: float | None = None
    """Nothing that is due is left outside lanes. Seconds until something will be; None: nothing is known of.
    """
    lanes: bool = False
    """Whether it looked at the lanes, too: they have nothing to give."""
    lanes_open_in: float | None = None
    """If so, seconds until they may have; None: nothing is known of."""
    number: int = 0
    """Which of the words of this worker it is."""
    leases_end_in: float | None = None
    """Of a look for lost leases, and of nothing else: seconds until the next one."""


class SignalsSwallowed(ConnectionLost):
    """Listening seemed to work, but signals do not arrive."""


def ignored(looked: Looked) -> None:
    """Who looks by itself whatever others have seen."""


def by_kind(
    on_signal: Callable[[Signal], None], on_looked: Callable[[Looked], None]
) -> Callable[[Signal | Looked], None]:
    """Both in one, for a store that delivers whatever comes."""

    def deliver(what: Signal | Looked) -> None:
        if isinstance(what, Looked):
            on_looked(what)
        else:
            on_signal(what)

    return deliver


class Signals(Protocol):
    """Wake-ups between processes."""

    async def listen(
        self,
        on_signal: Callable[[Signal], None],
        on_ready: Callable[[], None],
        on_looked: Callable[[Looked], None] = ignored,
    ) -> None:
        """Deliver signals from now on, on a connection of its own; runs until cancelled.

        `on_ready` is called once signals would no longer be missed; `on_looked` for what workers tell by
        `tell_looked`, this one included.

        Raises:
            ConnectionLost: the connection broke; call again to go on.
            SignalsSwallowed: signals do not arrive, and `on_ready` was not called.
        """
        ...

    async def tell_looked(self, looked: Looked) -> None:
        """Tell all who listen what a look has found."""
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
