"""How entrypoints are run: the class to derive from, and the executors of this project."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from pg_scheduler.engine.executors import ThreadExecutor
from pg_scheduler.engine.executors.awaiting import finished
from pg_scheduler.engine.tasks.callables import is_async
from pg_scheduler.models import Context, Job
from pg_scheduler.ports.executor import Call


class EntrypointExecutorParameters:
    """What an executor is told about its entrypoint. Fields that are not known here are kept as attributes,
    so an executor that asks for more than this version gives can be handed it.

    Args:
        func: the decorated function.
        name: the entrypoint's name.
        concurrency_limit, requests_per_second, serialized_dispatch, retry_timer, accepts_context: as they
            were given to the decorator. The engine enforces the limits; an executor need not.
    """

    func: Callable[..., Any]
    name: str
    concurrency_limit: int | None
    requests_per_second: float | None
    serialized_dispatch: bool
    accepts_context: bool

    def __init__(
        self,
        func: Callable[..., Any],
        name: str = "",
        concurrency_limit: int | None = None,
        requests_per_second: float | None = None,
        serialized_dispatch: bool = False,
        accepts_context: bool = False,
        **more: Any,
    ) -> None:
        self.func = func
        self.name = name or getattr(func, "__name__", "")
        self.concurrency_limit = concurrency_limit
        self.requests_per_second = requests_per_second
        self.serialized_dispatch = serialized_dispatch
        self.accepts_context = accepts_context
        vars(self).update(more)

    def __repr__(self) -> str:
        return f"EntrypointExecutorParameters(name={self.name!r}, func={self.func!r})"


class AbstractEntrypointExecutor(ABC):
    """Runs the jobs of one entrypoint. Derive from it, write `execute`, and pass the class as
    ``executor_factory=`` to `entrypoint`; one instance serves all jobs of the entrypoint in this process.

    Whatever `execute` does harms only its own job: an exception fails it (and is retried by the usual
    rules), a timeout or a cancellation ends it, a returned value is its result.
    """

    def __init__(self, parameters: EntrypointExecutorParameters) -> None:
        self.parameters = parameters

    @abstractmethod
    async def execute(self, job: Job, context: Context) -> Any:
        """Run one job to its end."""

    async def close(self) -> None:
        """Free what the executor holds. Called at shutdown; jobs may come again after a restart."""
        return


class EntrypointExecutor(AbstractEntrypointExecutor):
    """Calls the decorated function: async ones in the event loop, plain ones in a thread."""

    def __init__(self, parameters: EntrypointExecutorParameters) -> None:
        super().__init__(parameters)
        self._threads = ThreadExecutor()

    async def execute(self, job: Job, context: Context) -> Any:
        """Call the function with the job, and with the context if it accepts one."""
        func = self.parameters.func
        args = [job, context] if self.parameters.accepts_context else [job]
        if is_async(func):
            return await func(*args)
        result = await self._threads.execute(Call(func, args, {}), context.job)
        return await finished(result)

    async def close(self) -> None:
        """End idle threads."""
        await self._threads.close()
