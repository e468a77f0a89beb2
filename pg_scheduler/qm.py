"""The queue side's jobs: entrypoints, and the worker that runs them."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import timedelta
from typing import Any, Literal, Unpack, overload

from pg_scheduler.client.keywords import SchedulerOptions
from pg_scheduler.client.source import Source
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_seconds
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.tasks.callables import refuse_generator
from pg_scheduler.entrypoints.application import App
from pg_scheduler.entrypoints.failure_observer import checked_on_failure
from pg_scheduler.entrypoints.handlers import AnyHandler, ContextHandler, JobHandler
from pg_scheduler.entrypoints.policy import EntrypointOptions, EntrypointPolicy, ExecutorFactory, OnFailure
from pg_scheduler.models import Context
from pg_scheduler.ports.executor import Executor
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler


class QueueManager(App):
    """Knows entrypoints, and runs their jobs."""

    def __init__(
        self,
        source: Source | Scheduler,
        *,
        resources: MutableMapping[str, Any] | None = None,
        **options: Unpack[SchedulerOptions],
    ) -> None:
        super().__init__(source, resources=resources, **options)
        self._names: set[str] = set()
        self.queries: Queries = Queries(self.scheduler)

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

    def entrypoint(
        self,
        name: str,
        *,
        concurrency_limit: int | None = None,
        requests_per_second: float | None = None,
        serialized_dispatch: bool = False,
        retry_timer: timedelta | float | None = None,
        executor_factory: ExecutorFactory | None = None,
        on_failure: OnFailure = "hold",
        accepts_context: bool = False,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy | int | None = None,
        max_retries: int | None = None,
        executor: str | Executor | None = None,
        queue: str = DEFAULT_QUEUE,
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Run the decorated function for the jobs of this name. An async function runs in the event loop, a
        plain one in a thread; it gets the `Job`. The function itself is unchanged.

        Args:
            name: what jobs are enqueued under. Jobs of names that no worker knows stay queued.
            concurrency_limit: how many of its jobs run at once in the whole cluster.
            requests_per_second: how many start per second in the whole cluster; after a pause up to a
                tenth of a second's worth, at least one, may start at once.
            serialized_dispatch: one at a time, in order.
            retry_timer: how long the worker of a running job may be silent before the job is given to
                another; by default `Scheduler.LEASE_DURATION`. The shortest one holds for the whole worker,
                from its start on.
            executor_factory: called with `EntrypointExecutorParameters`, makes what runs the jobs.
            on_failure: called with the job and a `JobFailed` once it has failed for good; if its worker died
                once too often, by the worker that finds out, if that one has this entrypoint.
            accepts_context: the function gets a `Context` as its second argument.
            timeout: longest time of one attempt (timedelta or seconds).
            retry: a number of retries, or a policy (of exceptions and delays).
            max_retries: how often a failed job is tried again; 5 with a policy, else 0.
            executor: "process" for CPU work in another process; or another executor of the scheduler.
            queue: where its jobs wait if `enqueue` of this program's `queries` says nothing else.

        Limits hold for each `limit_key` by itself, and for the jobs without one together.

        Raises:
            RuntimeError: the name is taken.
            InvalidInput: an argument is invalid.
        """
        policy = EntrypointPolicy(
            concurrency_limit=concurrency_limit,
            requests_per_second=requests_per_second,
            serialized_dispatch=serialized_dispatch,
            retry_timer=retry_timer,
            executor_factory=executor_factory,
            on_failure=on_failure,
            accepts_context=accepts_context,
            timeout=timeout,
            retry=retry,
            max_retries=max_retries,
            executor=executor,
            queue=queue,
        )
        name = checked_name("entrypoint", name)
        if name in self._names:
            raise RuntimeError(f"entrypoint {name!r} is taken: give this one a name of its own")

        def attach(func: AnyHandler) -> AnyHandler:
            self._attach(name, func, policy)
            return func

        return attach

    def _attach(self, name: str, func: Callable[..., Any], policy: EntrypointPolicy) -> None:
        if not callable(func):
            raise InvalidInput("entrypoint", f"expected a function to decorate, got {shown(func)}")
        if name in self._names:
            raise RuntimeError(f"entrypoint {name!r} is taken: give this one a name of its own")
        if policy.executor_factory is None:
            refuse_generator(func)
        self.scheduler.register_task(func, policy.options(name, func, self.context_of))
        self._names.add(name)
        if (callback := checked_on_failure(policy.on_failure)) is not None:
            self.failures.by_name[name] = callback
        if policy.retry_timer is not None and not self.scheduler.is_running:
            lease = checked_seconds("retry_timer", policy.retry_timer)
            self.scheduler.reconfigure(lease=min(lease, self.scheduler.lease))

    def get_context(self, job_id: str) -> Context:
        """The context of a job that runs here.

        Raises:
            KeyError: no job of this id runs here.
        """
        job_id = checked_name("job_id", job_id)
        for attempt in self.scheduler.worker.services.active.attempts():
            if attempt.job.job_id == job_id:
                return self.context_of(attempt.context)
        raise KeyError(job_id)
