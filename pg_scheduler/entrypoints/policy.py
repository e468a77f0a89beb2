"""From a decorated function to a task of the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias, TypedDict

from pg_scheduler.domain.errors import InvalidInput, JobFailed, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_count, checked_duration, checked_instance
from pg_scheduler.domain.limits import checked_limits
from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.running.arguments import Arguments
from pg_scheduler.engine.tasks.callables import is_async
from pg_scheduler.engine.tasks.checks import checked_executor
from pg_scheduler.engine.tasks.job_defaults import JobDefaults
from pg_scheduler.engine.tasks.registry import TaskOptions
from pg_scheduler.entrypoints.failure_observer import checked_on_failure
from pg_scheduler.entrypoints.job_executors import EntrypointExecutorParameters
from pg_scheduler.models import Context, Job
from pg_scheduler.ports.executor import Call, Executor
from pg_scheduler.ports.job_context import JobContext, current_job

RETRIES_WITH_POLICY = 5
"""Retries of an entrypoint that was given a policy and no number."""

ExecutorFactory: TypeAlias = Callable[[EntrypointExecutorParameters], Any]

OnFailure: TypeAlias = Callable[[Job, JobFailed], object] | Literal["hold"]


class EntrypointOptions(TypedDict, total=False):
    """What may be said of an entrypoint, whatever its function takes; see `QueueManager.entrypoint`."""

    concurrency_limit: int | None
    requests_per_second: float | None
    serialized_dispatch: bool
    retry_timer: timedelta | float | None
    on_failure: OnFailure
    timeout: timedelta | float | None
    retry: RetryPolicy | int | None
    max_retries: int | None
    executor: str | Executor | None
    queue: str


@dataclass(frozen=True, slots=True)
class EntrypointPolicy:
    """What `entrypoint` was told; see `QueueManager.entrypoint`."""

    concurrency_limit: int | None = None
    requests_per_second: float | None = None
    serialized_dispatch: bool = False
    retry_timer: timedelta | float | None = None
    executor_factory: ExecutorFactory | None = None
    on_failure: OnFailure = "hold"
    accepts_context: bool = False
    timeout: timedelta | float | None = None
    retry: RetryPolicy | int | None = None
    max_retries: int | None = None
    executor: str | Executor | None = None
    queue: str = DEFAULT_QUEUE

    def __post_init__(self) -> None:
        """Refuse what cannot be where it is written, not when the function is decorated or runs.

        Raises:
            InvalidInput: naming the argument.
        """
        checked_limits(self.concurrency_limit, self.requests_per_second, self.serialized_dispatch)
        checked_duration("retry_timer", self.retry_timer)
        checked_duration("timeout", self.timeout)
        checked_executor(self.executor)
        checked_on_failure(self.on_failure)
        checked_instance("accepts_context", self.accepts_context, bool)
        self.retries()
        checked_queue(self.queue)
        if self.executor_factory is not None and not callable(self.executor_factory):
            raise InvalidInput(
                "executor_factory", f"expected a class or function, got {shown(self.executor_factory)}"
            )
        if self.executor_factory is not None and self.executor is not None:
            raise InvalidInput("executor", "cannot be given together with executor_factory")
        if self.accepts_context and self.executor == "process":
            raise InvalidInput("accepts_context", "a context cannot travel to another process")

    def retries(self) -> tuple[int, RetryPolicy | None]:
        """How often a failed job is tried again, and when; None: as the scheduler does."""
        if self.retry is None or isinstance(self.retry, RetryPolicy):
            default = 0 if self.retry is None else RETRIES_WITH_POLICY
            number = default if self.max_retries is None else self.max_retries
            return checked_count("max_retries", number), self.retry
        if self.max_retries is not None:
            raise InvalidInput("max_retries", "is given by retry already")
        return checked_count("retry", self.retry), None

    def options(
        self, name: str, func: Callable[..., Any], context_of: Callable[[JobContext], Context]
    ) -> TaskOptions:
        """The task that runs `func` for the jobs of an entrypoint."""
        max_retries, retry = self.retries()
        return TaskOptions(
            name=checked_name("name", name),
            executor=self._executor(name, func, context_of),
            timeout=checked_duration("timeout", self.timeout),
            retry=retry,
            limits=checked_limits(self.concurrency_limit, self.requests_per_second, self.serialized_dispatch),
            max_retries=max_retries,
            arguments=_with_context(context_of) if self._passes_context else _job_alone,
            aliases=(),
            defaults=JobDefaults(queue=self.queue),
        )

    @property
    def _passes_context(self) -> bool:
        return self.accepts_context and self.executor_factory is None

    def _executor(
        self, name: str, func: Callable[..., Any], context_of: Callable[[JobContext], Context]
    ) -> str | Executor:
        if self.executor_factory is None:
            return self.executor or ("async" if is_async(func) else "thread")
        made = self.executor_factory(
            EntrypointExecutorParameters(
                func=func,
                name=name,
                concurrency_limit=self.concurrency_limit,
                requests_per_second=self.requests_per_second,
                serialized_dispatch=self.serialized_dispatch,
                accepts_context=self.accepts_context,
                retry_timer=self.retry_timer,
                timeout=self.timeout,
            )
        )
        if not callable(getattr(made, "execute", None)):
            raise InvalidInput("executor_factory", f"made {shown(made)}, which has no execute method")
        return _Adapted(made, context_of)


class _Adapted:
    """An executor of one entrypoint as the engine's port wants it."""

    def __init__(self, executor: Any, context_of: Callable[[JobContext], Context]) -> None:
        self._executor = executor
        self._context_of = context_of

    async def execute(self, call: Call, context: JobContext) -> Any:
        return await self._executor.execute(call.args[0], self._context_of(context))

    async def close(self) -> None:
        close = getattr(self._executor, "close", None)
        if close is not None:
            await close()


def _job_alone(job: ClaimedJob) -> Arguments:
    return [Job.of(job)], {}


def _with_context(context_of: Callable[[JobContext], Context]) -> Callable[[ClaimedJob], Arguments]:
    return lambda job: ([Job.of(job), context_of(current_job())], {})
