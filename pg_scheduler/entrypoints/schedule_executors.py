"""How schedules are run: the class to derive from, and the default."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler.domain.cron import CronRule
from pg_scheduler.engine.executors import ThreadExecutor
from pg_scheduler.engine.executors.awaiting import finished
from pg_scheduler.engine.tasks.callables import is_async
from pg_scheduler.models import Schedule
from pg_scheduler.ports.executor import Call
from pg_scheduler.ports.job_context import current_job


class ScheduleExecutorFactoryParameters:
    """What an executor is told about its schedule. Unknown fields are kept as attributes.

    Args:
        entrypoint: the schedule's name.
        expression: its cron expression.
        func: the decorated function.
        rule: the expression in its time zone.
    """

    def __init__(
        self, entrypoint: str, expression: str, func: Callable[..., Any], rule: CronRule, **more: Any
    ) -> None:
        self.entrypoint = entrypoint
        self.expression = expression
        self.func = func
        self.rule = rule
        vars(self).update(more)


class AbstractScheduleExecutor(ABC):
    """Runs the windows of one schedule; one instance per name and expression in this process."""

    def __init__(self, parameters: ScheduleExecutorFactoryParameters) -> None:
        self.parameters = parameters

    @abstractmethod
    async def execute(self, schedule: Schedule) -> Any:
        """Run one window to its end."""

    def get_next(self, after: datetime | None = None) -> datetime:
        """The first window after an instant (now, by default), in UTC."""
        return self.parameters.rule.next_after(after or datetime.now(UTC))

    def next_in(self) -> timedelta:
        """Time until the next window."""
        now = datetime.now(UTC)
        return self.get_next(now) - now

    async def close(self) -> None:
        """Free what the executor holds."""
        return


class ScheduleExecutor(AbstractScheduleExecutor):
    """Calls the decorated function with the `Schedule`: async ones in the loop, plain ones in a thread."""

    def __init__(self, parameters: ScheduleExecutorFactoryParameters) -> None:
        super().__init__(parameters)
        self._threads = ThreadExecutor()

    async def execute(self, schedule: Schedule) -> Any:
        """Call the function."""
        func = self.parameters.func
        if is_async(func):
            return await func(schedule)
        result = await self._threads.execute(Call(func, [schedule], {}), current_job())
        return await finished(result)

    async def close(self) -> None:
        """End idle threads."""
        await self._threads.close()
