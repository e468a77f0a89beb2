"""Entrypoints and schedules in one application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pg_scheduler.entrypoints.application import App
from pg_scheduler.models import Context
from pg_scheduler.qm import QueueManager
from pg_scheduler.queries import Queries
from pg_scheduler.sc import SchedulerManager


class PgQueuer(App):
    """A `QueueManager` (`qm`) and a `SchedulerManager` (`sm`): two views of one scheduler, one worker.

    ``PgQueuer(driver)`` takes whatever `Scheduler` takes: a pool, a connection, a DSN, a Driver.
    """

    def __init__(self, source: Any, **options: Any) -> None:
        super().__init__(source, **options)
        self.qm = QueueManager(self.scheduler, resources=self.resources)
        self.sm = SchedulerManager(self.scheduler, resources=self.resources)

    @classmethod
    def in_memory(cls, **options: Any) -> PgQueuer:
        """One that keeps its jobs in this process' memory, for unit tests."""
        from pg_scheduler.testing import MemoryDriver

        return cls(MemoryDriver(), **options)

    @property
    def queries(self) -> Queries:
        """To enqueue, cancel and ask, from within the application."""
        return self.qm.queries

    def entrypoint(self, name: str, **policy: Any) -> Callable[[Any], Any]:
        """As `QueueManager.entrypoint`."""
        return self.qm.entrypoint(name, **policy)

    def schedule(self, entrypoint: str, expression: str, *more: Any, **policy: Any) -> Callable[[Any], Any]:
        """As `SchedulerManager.schedule`."""
        return self.sm.schedule(entrypoint, expression, *more, **policy)

    def get_context(self, job_id: str) -> Context:
        """As `QueueManager.get_context`."""
        return self.qm.get_context(job_id)
