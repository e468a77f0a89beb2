"""The Driver port: storage in the domain's verbs, composed of parts.

Rules for every method of every part:

* `now` is the pinned instant of a test clock; None means the store's own clock decides, and one call
  uses one instant throughout.
* Batches in, batches out. Answers come in the order of the request unless said otherwise.
* A failure raises: `ConnectionLost` and `TransientDatabaseError` may be tried again, other
  `DatabaseError` may not. No failure is ever turned into an empty answer.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pg_scheduler.ports.completions import Completions
    from pg_scheduler.ports.insight import Insight
    from pg_scheduler.ports.job_store import JobStore
    from pg_scheduler.ports.limit_store import LimitStore
    from pg_scheduler.ports.locks import Locks
    from pg_scheduler.ports.minutes import MinuteStore
    from pg_scheduler.ports.retention import Retention
    from pg_scheduler.ports.schedule_store import ScheduleStore
    from pg_scheduler.ports.schema import Schema
    from pg_scheduler.ports.signals import Signals
    from pg_scheduler.ports.steering import Steering


@runtime_checkable
class Driver(Protocol):
    """One store, by its parts; and the life of the driver itself. A service is given the parts it needs."""

    @property
    def jobs(self) -> JobStore:
        """The life of jobs: submit, claim, renew, settle, reclaim, cancel."""
        ...

    @property
    def completions(self) -> Completions:
        """Completing a job in a transaction of its own function."""
        ...

    @property
    def schedules(self) -> ScheduleStore:
        """The life of schedules."""
        ...

    @property
    def limits(self) -> LimitStore:
        """Limits and pauses of tasks."""
        ...

    @property
    def locks(self) -> Locks:
        """Exclusion across the cluster."""
        ...

    @property
    def retention(self) -> Retention:
        """Deleting finished jobs."""
        ...

    @property
    def signals(self) -> Signals:
        """Wake-ups between processes."""
        ...

    @property
    def insight(self) -> Insight:
        """Read-only views."""
        ...

    @property
    def steering(self) -> Steering:
        """Acts of an operator."""
        ...

    @property
    def minutes(self) -> MinuteStore:
        """What workers did, by the minute."""
        ...

    @property
    def schema(self) -> Schema:
        """The tables themselves."""
        ...

    async def open(self) -> None:
        """Make ready for use. Idempotent. A pool or connection passed in by the user is used as it is."""
        ...

    async def open_for(self, connection: object) -> bool:
        """Make ready for calls with this connection of the caller's, without another one; False if that is
        not possible, and nothing has changed. Idempotent.

        Raises:
            InvalidInput: the object is nothing that this driver can work on.
        """
        ...

    async def close(self) -> None:
        """Free what `open` made. Idempotent. The user's own pool or connection stays open."""
        ...

    def dedicated(self) -> Driver | None:
        """A driver on one connection of its own, to be opened, used and closed in another thread's event
        loop; None where that makes no sense (a store in this process' memory)."""
        ...

    def within(self, limit: timedelta) -> Driver:
        """The same store, for questions that people wait for: a statement that takes longer than this ends.
        It shares everything with this driver, and is neither opened nor closed by itself.

        Its parts raise:
            QuestionTimedOut: a statement took longer. What it would have changed has not changed.
        """
        ...
