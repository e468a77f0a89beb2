"""The verbs that `@task` gives to a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, Protocol, Unpack, cast, overload

from pg_scheduler.client.current import Enqueues, current_enqueues
from pg_scheduler.client.result_type import R
from pg_scheduler.client.typed_call import Call, P
from pg_scheduler.domain.errors import InvalidInput

if TYPE_CHECKING:
    from pg_scheduler.client.enqueuer import Enqueuer
    from pg_scheduler.client.job_handle import JobHandle
    from pg_scheduler.client.keywords import CallOptions

VERBS = ("enqueue", "enqueue_sync", "enqueue_many", "call", "using")


class TaskCalls(Generic[P, R]):
    """Stores calls of one function. `using` gives one that knows its scheduler and options."""

    def __init__(
        self,
        func: Callable[P, Awaitable[R] | R],
        scheduler: Enqueues | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        self._func = cast(Callable[P, R], func)
        self._scheduler = scheduler
        self._options = options

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """Store a call as a job: due now by the database's clock, and never too late to start, unless `using`
        or the task says otherwise.

        Raises:
            ConfigurationError: it is not clear which scheduler is meant.
            As `Scheduler.schedule`.
        """
        return await self._enqueuer("enqueue").enqueue(self._func, *args, **kwargs)

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """As `enqueue`, from a thread beside the scheduler's event loop: it returns once the job is stored.

        Raises:
            RuntimeError: this is the event loop's own thread, or the loop does not run.
        """
        return self._enqueuer("enqueue_sync").enqueue_sync(self._func, *args, **kwargs)

    async def enqueue_many(self, calls: Iterable[Call[R]]) -> list[JobHandle[R]]:
        """Store many calls of this task, made by `call`, in one transaction: all or none."""
        return await self._enqueuer("enqueue_many").enqueue_many(self._mine(calls))

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """A call that is not made but to be stored."""
        return Call(self._func, args, kwargs)

    def using(self, *, scheduler: Enqueues | None = None, **options: Unpack[CallOptions]) -> TaskCalls[P, R]:
        """The same with a scheduler, or with options: `delay` or `at`, `priority`, `connection` and the
        others of `Scheduler.using`. What is left out stays."""
        merged: CallOptions = {**self._options, **options}
        return TaskCalls(self._func, scheduler or self._scheduler, **merged)

    def _enqueuer(self, verb: str) -> Enqueuer:
        name = getattr(self._func, "__name__", "task")
        scheduler = self._scheduler or current_enqueues(f"{name}.{verb}()")
        return scheduler.using(**self._options)

    def _mine(self, calls: Iterable[Call[R]]) -> Iterable[Call[R]]:
        for position, one in enumerate(calls):
            if isinstance(one, Call) and one.func is not self._func:
                raise InvalidInput(f"calls[{position}]", "is a call of another function")
            yield one


class _Task(Protocol[P, R]):
    """What every decorated function has besides being one."""

    __name__: str
    __qualname__: str

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """See `TaskCalls.enqueue`."""
        ...

    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]:
        """See `TaskCalls.enqueue_sync`."""
        ...

    async def enqueue_many(self, calls: Iterable[Call[R]]) -> list[JobHandle[R]]:
        """See `TaskCalls.enqueue_many`."""
        ...

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """See `TaskCalls.call`."""
        ...

    def using(self, *, scheduler: Enqueues | None = None, **options: Unpack[CallOptions]) -> TaskCalls[P, R]:
        """See `TaskCalls.using`."""
        ...


class AsyncTask(_Task[P, R], Protocol[P, R]):
    """An async function that `@task` has decorated, as a type checker sees it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call the function here and now."""
        ...


class PlainTask(_Task[P, R], Protocol[P, R]):
    """A plain function that `@task` has decorated, as a type checker sees it."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here and now."""
        ...


class TaskDecorator(Protocol):
    """What `@task(...)` is, once it has its defaults."""

    # An async function fits both; the first one counts, as intended.
    @overload
    def __call__(  # pyright: ignore[reportOverlappingOverload]
        self, func: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...

    @overload
    def __call__(self, func: Callable[P, R], /) -> PlainTask[P, R]: ...
