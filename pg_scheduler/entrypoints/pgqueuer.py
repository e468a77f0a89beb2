"""Entrypoints and schedules in one application."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Literal, Self, Unpack, overload

from pg_scheduler.client.keywords import SchedulerOptions
from pg_scheduler.client.source import Source
from pg_scheduler.entrypoints.application import App
from pg_scheduler.entrypoints.handlers import AnyHandler, ContextHandler, JobHandler, ScheduleHandler
from pg_scheduler.entrypoints.policy import EntrypointOptions, ExecutorFactory
from pg_scheduler.models import Context
from pg_scheduler.qm import QueueManager
from pg_scheduler.queries import Queries
from pg_scheduler.sc import CronOptions, ScheduleExecutorFactory, SchedulerManager
from pg_scheduler.scheduler import Scheduler


class PgQueuer(App):
    """A `QueueManager` (`qm`) and a `SchedulerManager` (`sm`): two views of one scheduler, one worker.

    ``PgQueuer(driver)`` takes whatever `Scheduler` takes: a pool, a connection, a DSN, a Driver.
    """

    def __init__(
        self,
        source: Source | Scheduler,
        *,
        resources: MutableMapping[str, Any] | None = None,
        **options: Unpack[SchedulerOptions],
    ) -> None:
        super().__init__(source, resources=resources, **options)
        self.qm: QueueManager = QueueManager(self.scheduler, resources=self.resources)
        self.sm: SchedulerManager = SchedulerManager(self.scheduler, resources=self.resources)

    @classmethod
    def in_memory(
        cls, *, resources: MutableMapping[str, Any] | None = None, **options: Unpack[SchedulerOptions]
    ) -> Self:
        """One that keeps its jobs in this process' memory, for unit tests."""
        from pg_scheduler.testing import MemoryDriver

        return cls(MemoryDriver(), resources=resources, **options)

    @property
    def queries(self) -> Queries:
        """To enqueue, cancel and ask, from within the application."""
        return self.qm.queries

    @overload
    def entrypoint(
        self, name: str, *, accepts_context: Literal[False] = False, **options: Unpack[EntrypointOptions]
    ) -> Callable[[JobHandler], JobHandler]: ...

    @overload
    def entrypoint(
        self, name: str, *, accepts_context: Literal[True], **options: Unpack[EntrypointOptions]
    ) -> Callable[[ContextHandler], ContextHandler]: ...

    @overload
    def entrypoint(
        self,
        name: str,
        *,
        executor_factory: ExecutorFactory | None,
        accepts_context: bool = False,
        **options: Unpack[EntrypointOptions],
    ) -> Callable[[AnyHandler], AnyHandler]: ...

    def entrypoint(self, name: str, **options: Any) -> Callable[[AnyHandler], AnyHandler]:
        """As `QueueManager.entrypoint`."""
        return self.qm.entrypoint(name, **options)

    @overload
    def schedule(
        self, entrypoint: str, expression: str, **options: Unpack[CronOptions]
    ) -> Callable[[ScheduleHandler], ScheduleHandler]: ...

    @overload
    def schedule(
        self,
        entrypoint: str,
        expression: str,
        executor_factory: ScheduleExecutorFactory,
        **options: Unpack[CronOptions],
    ) -> Callable[[AnyHandler], AnyHandler]: ...

    def schedule(
        self, entrypoint: str, expression: str, *more: Any, **options: Any
    ) -> Callable[[AnyHandler], AnyHandler]:
        """As `SchedulerManager.schedule`."""
        return self.sm.schedule(entrypoint, expression, *more, **options)

    def get_context(self, job_id: str) -> Context:
        """As `QueueManager.get_context`."""
        return self.qm.get_context(job_id)
