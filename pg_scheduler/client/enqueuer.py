"""Calls that become jobs, all stored in the same way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar, Unpack, overload

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.job_factory import JobFactory, JobRequest, resolution
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.keywords import CallOptions
from pg_scheduler.client.result_type import R
from pg_scheduler.client.typed_call import Call, P
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.inputs import checked_items
from pg_scheduler.domain.model import NewJob

_T = TypeVar("_T")


class RunNow(Protocol):
    """Runs a coroutine to its end while the caller blocks."""

    def __call__(self, coroutine: Coroutine[Any, Any, _T], /) -> _T:
        """What the coroutine returned."""
        ...


class Enqueuer:
    """Stores calls as jobs, each with the same options: what `Scheduler.using` gives back."""

    def __init__(self, *, jobs: JobFactory, client: JobClient, run_now: RunNow, options: CallOptions) -> None:
        for name in options:
            if name not in CallOptions.__annotations__:
                raise TypeError(f"using() got an unexpected keyword argument {name!r}")
        self._jobs = jobs
        self._client = client
        self._run_now = run_now
        self._options = options

    def using(self, **options: Unpack[CallOptions]) -> Enqueuer:
        """One with further options; the later ones win."""
        merged: CallOptions = {**self._options, **options}
        return Enqueuer(jobs=self._jobs, client=self._client, run_now=self._run_now, options=merged)

    @overload
    async def enqueue(
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle[R]: ...

    @overload
    async def enqueue(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]: ...

    @overload
    async def enqueue(self, func: str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]: ...

    async def enqueue(self, func: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]:
        """Store the call ``func(*args, **kwargs)`` as a job; see `Scheduler.enqueue`."""
        request = self._request(func, args, kwargs)
        (handle,) = await self._store([self._jobs.build(request, expires=False)])
        return handle

    @overload
    def enqueue_sync(
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle[R]: ...

    @overload
    def enqueue_sync(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]: ...

    @overload
    def enqueue_sync(self, func: str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]: ...

    def enqueue_sync(self, func: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]:
        """As `enqueue`, from a thread beside the scheduler's event loop: it returns once the job is stored.

        Raises:
            RuntimeError: this is the event loop's own thread, or the loop does not run.
        """
        return self._run_now(self.enqueue(func, *args, **kwargs))

    async def enqueue_many(self, calls: Iterable[Call[R]]) -> list[JobHandle[R]]:
        """Store many calls in one transaction: all of them or, if this raises, none. The handles are in the
        order of the calls, also where a call equals a stored one (`deduplicate`)."""
        wanted = checked_items("calls", calls, Call, "call(...)")
        if self._options.get("job_id") is not None:
            raise InvalidInput("job_id", "cannot be given to several jobs")
        requests = [self._request(one.func, one.args, one.kwargs) for one in wanted]
        return await self._store(self._jobs.build_all(requests, expires=False))

    def _request(self, func: Callable[..., Any] | str, args: Any, kwargs: Any) -> JobRequest:
        options: dict[str, Any] = {**self._options}
        options.pop("connection", None)
        options.pop("conflict_resolution", None)
        if "at" in options:
            options["execution_time"] = options.pop("at")
        return JobRequest(func=func, args=args, kwargs=kwargs, **options)

    async def _store(self, jobs: list[NewJob]) -> list[JobHandle[Any]]:
        conflict = resolution(
            self._options.get("conflict_resolution", ConflictResolution.RAISE),
            self._options.get("deduplicate", False),
        )
        connection = self._options.get("connection")
        stored = await self._client.store(jobs, conflict, connection=connection) if jobs else []
        return [self._client.handle(one.job_id) for one in stored]
