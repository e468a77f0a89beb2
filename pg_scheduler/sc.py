"""The queue side's schedules."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import Any, TypeAlias, TypedDict, Unpack, overload

from pg_scheduler.client.keywords import CatchUpRule, OverlapOfRuns, SchedulerOptions
from pg_scheduler.client.schedule_request import ScheduleRequest
from pg_scheduler.client.source import Source
from pg_scheduler.domain.cron import CronRule, normalized, zone_of
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.limits import NO_LIMITS
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.schedule import CatchUp, Overlap
from pg_scheduler.engine.tasks.callables import refuse_generator
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.entrypoints.application import App
from pg_scheduler.entrypoints.handlers import AnyHandler, ScheduleHandler
from pg_scheduler.entrypoints.schedule_executors import (
    AbstractScheduleExecutor,
    ScheduleExecutor,
    ScheduleExecutorFactoryParameters,
)
from pg_scheduler.models import Schedule
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import JobContext
from pg_scheduler.scheduler import Scheduler

MAX_NAME = 150
"""Characters of a schedule's name: its jobs' ids hold it together with the expression and the window."""

TASK_PREFIX = "schedule:"
"""Before the name of a schedule in the name of its task: so an entrypoint may have the same name, and a job
enqueued under the bare name still finds the schedule's function."""


ScheduleExecutorFactory: TypeAlias = Callable[[ScheduleExecutorFactoryParameters], AbstractScheduleExecutor]


class CronOptions(TypedDict, total=False):
    """What may be said of a schedule, whatever its function takes; see `SchedulerManager.schedule`."""

    timezone: str | None
    max_retries: int
    timeout: timedelta | float | None
    catch_up: CatchUpRule
    overlap: OverlapOfRuns
    use_advisory_lock: bool
    queue: str


class SchedulerManager(App):
    """Knows schedules, and runs their windows, each once in the whole cluster."""

    def __init__(
        self,
        source: Source | Scheduler,
        *,
        resources: MutableMapping[str, Any] | None = None,
        **options: Unpack[SchedulerOptions],
    ) -> None:
        super().__init__(source, resources=resources, **options)
        self._by_name: dict[str, _ScheduleRuns] = {}

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
        self,
        entrypoint: str,
        expression: str,
        executor_factory: ScheduleExecutorFactory = ScheduleExecutor,
        *,
        timezone: str | None = None,
        max_retries: int = 0,
        timeout: timedelta | float | None = None,
        catch_up: CatchUpRule = CatchUp.LATEST,
        overlap: OverlapOfRuns = Overlap.WAIT,
        use_advisory_lock: bool = False,
        queue: str = DEFAULT_QUEUE,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Run the decorated function at every window of a cron expression; it gets the `Schedule`. A name may
        have several expressions, with the same function or different ones.

        Each window is an ordinary job, with retries and history. An expression that the code no longer has
        is retired when the newer code starts.

        Args:
            entrypoint: the schedule's name, up to 150 characters.
            expression: as in `periodic`.
            executor_factory: called with `ScheduleExecutorFactoryParameters`, makes what runs the windows.
            timezone: an IANA name; UTC by default.
            max_retries, timeout, catch_up, overlap, use_advisory_lock, queue: as in `periodic`.

        Raises:
            RuntimeError: this name has this expression already.
            ValueError: the expression or another argument cannot be (`InvalidInput`).
        """
        name = checked_name("entrypoint", entrypoint)
        if len(name) > MAX_NAME:
            raise InvalidInput("entrypoint", f"{len(name)} characters; the limit is {MAX_NAME}")
        if not callable(executor_factory):
            raise InvalidInput(
                "executor_factory", f"expected a class or function, got {shown(executor_factory)}"
            )
        key = f"{name} {normalized(expression)}"
        rule = CronRule(expression, zone_of(timezone), hash_name=key)
        runs = self._by_name.setdefault(name, _ScheduleRuns(name, self.scheduler.driver))
        if key in runs.executors:
            raise RuntimeError(f"schedule {name!r} has the expression {expression!r} already")

        def attach(func: AnyHandler) -> AnyHandler:
            if not callable(func):
                raise InvalidInput("schedule", f"expected a function to decorate, got {shown(func)}")
            if key in runs.executors:
                raise RuntimeError(f"schedule {name!r} has the expression {expression!r} already")
            if executor_factory is ScheduleExecutor:
                refuse_generator(func)
            executor = executor_factory(ScheduleExecutorFactoryParameters(name, rule.expression, func, rule))
            if not callable(getattr(executor, "execute", None)):
                raise InvalidInput("executor_factory", f"made {shown(executor)}, which has no execute method")
            task = TASK_PREFIX + name
            if not runs.executors:
                self.scheduler.register_task(func, runs.options(task))
            self.scheduler.schedules.adopt(
                ScheduleRequest(
                    task=task,
                    cron=rule.expression,
                    timezone=timezone,
                    key=key,
                    max_retries=max_retries,
                    timeout=timeout,
                    catch_up=catch_up,
                    overlap=overlap,
                    use_advisory_lock=use_advisory_lock,
                    queue=queue,
                )
            )
            runs.executors[key] = executor
            return func

        return attach


class _ScheduleRuns:
    """Runs the windows of all schedules of one name, as the engine's executor port wants it."""

    def __init__(self, name: str, driver: Driver) -> None:
        self._name = name
        self._driver = driver
        self.executors: dict[str, AbstractScheduleExecutor] = {}
        """By key; the first runs what belongs to no schedule: jobs enqueued by name."""

    def options(self, task_name: str) -> TaskOptions:
        """The task of the schedules."""
        return TaskOptions(
            name=task_name,
            executor=self,
            limits=NO_LIMITS,
            max_retries=0,
            arguments=lambda job: ([job], {}),
            aliases=(self._name,),
        )

    async def execute(self, call: Call, context: JobContext) -> Any:
        job: ClaimedJob = call.args[0]
        key = job.schedule_key
        records = await self._driver.schedules.list_schedules([key]) if key is not None else []
        executor = self.executors.get(key or "") or next(iter(self.executors.values()))
        return await executor.execute(Schedule.of(self._name, job, records[0] if records else None))

    async def close(self) -> None:
        for executor in self.executors.values():
            close = getattr(executor, "close", None)
            if close is not None:
                await close()
