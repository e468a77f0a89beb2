"""Turns a caller's arguments into a job that can be stored: all validation, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter, is_not
from typing import Any

from pg_scheduler.client.fresh_ids import fresh_id, fresh_ids
from pg_scheduler.client.headers import encoded_headers
from pg_scheduler.domain.conflict import ConflictResolution, checked_conflict
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name, deterministic_id
from pg_scheduler.domain.inputs import (
    checked_arguments,
    checked_count,
    checked_duration,
    checked_grace,
    checked_time,
    is_finite_number,
)
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.priority import JobPriority, rank_of
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler.domain.retry import MAX_DELAY, Backoff, RetryPolicy
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.domain.windows import window_at
from pg_scheduler.engine.tasks.checks import checked_executor, checked_retry
from pg_scheduler.engine.tasks.job_defaults import NO_DEFAULTS, JobDefaults
from pg_scheduler.engine.tasks.registry import Task, TaskOptions, TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.executor import Executor

NORMAL: JobPriority | int = JobPriority.NORMAL


@dataclass(slots=True)
class JobRequest:
    """A caller's arguments for one job. The fields are those of `Scheduler.schedule`."""

    func: Callable[..., Any] | str
    execution_time: datetime | Unset = UNSET
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] | None = field(default_factory=dict)
    priority: JobPriority | int | Unset = UNSET
    max_retries: int | Unset = UNSET
    job_id: str | None = None
    misfire_grace_time: int | Unset | None = UNSET
    executor: str | Executor | None = None
    timeout: timedelta | float | None = None
    retry: RetryPolicy | None = None
    deduplicate: bool | timedelta = False
    store_result: bool | Unset = UNSET
    limit_key: str | Unset | None = UNSET
    delay: timedelta | float | None = None
    headers: Mapping[str, Any] | None = None
    queue: str | Unset = UNSET


_WISHES = attrgetter(
    *("func", "executor", "priority", "max_retries", "misfire_grace_time", "timeout", "retry"),
    *("store_result", "limit_key", "headers", "queue"),
)
"""What the `_Options` of a request are made of."""


@dataclass(slots=True)
class _Options:
    """What a request comes to but for its call and its time: the fields of a `NewJob`."""

    name: str
    task: Task | None
    positional: range
    """With how many positional arguments alone it can be called for certain."""
    passes: bool
    """Whether its task is forgotten once its last job has ended."""
    rank: int
    max_retries: int
    misfire_grace_seconds: int | None
    timeout: timedelta | None
    backoff: Backoff | None
    store_result: bool
    limit_key: str | None
    headers: str | None
    queue: str


class JobFactory:
    """Turns requests into jobs, and learns the functions they name."""

    def __init__(
        self,
        registry: TaskRegistry,
        codec: Codec,
        clock: Clock,
        default_grace: Callable[[], int | None],
        executor_names: Collection[str],
    ) -> None:
        self._registry = registry
        self._codec = codec
        self._clock = clock
        self._default_grace = default_grace
        self._executor_names = executor_names

    def build(self, request: JobRequest, *, expires: bool = True) -> NewJob:
        """The job to store. With `expires` False it never does, unless the request or its task says when.

        Raises:
            InvalidInput: something about the request cannot be; the error names it.
        """
        fresh = fresh_id(self._clock.now()) if _wants_fresh_id(request) else ""
        return self._build(request, self._options(request, expires), fresh)

    def build_all(self, requests: Sequence[JobRequest], *, expires: bool = True) -> list[NewJob]:
        """The jobs of a bulk call.

        Raises:
            InvalidInput: as `build`; a note says which request it is.
        """
        jobs: list[NewJob] = []
        previous: tuple[object, ...] = ()
        options: _Options | None = None
        fresh = iter(fresh_ids(self._clock.now(), sum(map(_wants_fresh_id, requests))))
        for position, request in enumerate(requests):
            try:
                # Mostly all have the same wishes, and even the same objects.
                wishes = _WISHES(request)
                if options is None or any(map(is_not, wishes, previous)):
                    options, previous = self._options(request, expires), wishes
                jobs.append(self._build(request, options, next(fresh) if _wants_fresh_id(request) else ""))
            except InvalidInput as error:
                error.add_note(f"It is jobs[{position}] of the bulk call; nothing was stored.")
                raise
        return jobs

    def _options(self, request: JobRequest, expires: bool) -> _Options:
        self._check_executor(request.executor)
        name, task = self._task(request)
        defaults = NO_DEFAULTS if task is None else task.defaults
        priority, retries = request.priority, request.max_retries
        store_result, limit_key = request.store_result, request.limit_key
        if limit_key is UNSET:
            limit_key = defaults.limit_key
        queue = defaults.queue if request.queue is UNSET else request.queue
        return _Options(
            name=name,
            task=task,
            positional=range(0) if task is None else task.positional,
            passes=self._registry.passes(name),
            rank=rank_of(defaults.priority if priority is UNSET else priority),
            max_retries=checked_count("max_retries", defaults.max_retries if retries is UNSET else retries),
            misfire_grace_seconds=self._grace(request, defaults, expires),
            timeout=checked_duration("timeout", request.timeout),
            backoff=storable_backoff(request.retry),
            store_result=defaults.store_result if store_result is UNSET else bool(store_result),
            limit_key=None if limit_key is None else checked_name("limit_key", limit_key),
            headers=encoded_headers(request.headers),
            queue=queue if queue == defaults.queue else checked_queue(queue),
        )

    def _build(self, request: JobRequest, options: _Options, fresh: str) -> NewJob:
        due, delay = due_time(request, self._clock)
        args, kwargs = checked_arguments(request.args, request.kwargs)
        if options.task is not None and (kwargs or len(args) not in options.positional):
            options.task.check_arguments(args, kwargs)
        task_data = self._codec.encode_arguments(args, kwargs)
        job_id = fresh or self._job_id(request, options.name, task_data, due)
        if options.passes:
            self._registry.needed_by(job_id, options.name)
        return NewJob(
            job_id=job_id,
            task_name=options.name,
            execution_time=due,
            delay=delay,
            task_data=task_data,
            rank=options.rank,
            max_retries=options.max_retries,
            misfire_grace_seconds=options.misfire_grace_seconds,
            timeout=options.timeout,
            backoff=options.backoff,
            store_result=options.store_result,
            limit_key=options.limit_key,
            headers=options.headers,
            queue=options.queue,
            fresh_id=bool(fresh),
        )

    def _grace(self, request: JobRequest, defaults: JobDefaults, expires: bool) -> int | None:
        grace = request.misfire_grace_time
        if grace is UNSET:
            grace = defaults.misfire_grace_time
        if grace is UNSET:
            return self._default_grace() if expires else None
        return checked_grace("misfire_grace_time", grace)

    def _check_executor(self, executor: object) -> None:
        if executor is None:
            return
        known = self._executor_names
        if isinstance(checked_executor(executor), str) and executor not in known:
            raise InvalidInput(
                "executor", f"unknown {shown(executor)}", f"One of: {', '.join(sorted(known))}"
            )

    def _task(self, request: JobRequest) -> tuple[str, Task | None]:
        if isinstance(request.func, str):
            name = checked_name("job_name", request.func)
            return name, self._registry.resolve(name)
        task = self._registry.known(request.func) if request.executor is None else None
        if task is None:
            task = self._registry.register_for_job(request.func, TaskOptions(executor=request.executor))
        return task.name, task

    def _job_id(self, request: JobRequest, name: str, task_data: str, execution_time: datetime) -> str:
        if request.job_id is not None:
            if request.deduplicate:
                raise InvalidInput("job_id", "cannot be given together with deduplicate")
            return checked_name("job_id", request.job_id)
        if request.deduplicate is True:
            return deterministic_id(name, task_data)
        every = request.deduplicate
        if not isinstance(every, timedelta) or every <= timedelta(0):
            raise InvalidInput("deduplicate", f"expected True, False or a timedelta > 0, got {shown(every)}")
        return deterministic_id(name, task_data, window_at(execution_time, every))


def _wants_fresh_id(request: JobRequest) -> bool:
    return request.job_id is None and request.deduplicate is False


def resolution(given: ConflictResolution, deduplicate: bool | timedelta) -> ConflictResolution:
    """What happens if the id is taken: a duplicate of a deduplicated job is no error."""
    conflict = checked_conflict(given)
    if deduplicate and conflict is ConflictResolution.RAISE:
        return ConflictResolution.IGNORE
    return conflict


def due_time(request: JobRequest, clock: Clock) -> tuple[datetime, timedelta | None]:
    """When the job is due: at its time, after its delay, or now; and the delay, where there is one. Then the
    store's own clock counts, and the instant is what this process' clock makes of it."""
    if request.execution_time is not UNSET:
        if request.delay is not None:
            raise InvalidInput("delay", "cannot be given together with an execution time")
        return checked_time("execution_time", request.execution_time), None
    delay = timedelta(0) if request.delay is None else checked_delay(request.delay)
    return clock.now() + delay, delay


def checked_delay(value: object) -> timedelta:
    """A duration from 0 to a century, given as timedelta or seconds."""
    if is_finite_number(value) and 0 <= float(value) <= MAX_DELAY.total_seconds():  # type: ignore[arg-type]
        return timedelta(seconds=float(value))  # type: ignore[arg-type]
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= MAX_DELAY:
        raise InvalidInput("delay", f"expected a timedelta or seconds, 0 to a century, got {shown(value)}")
    return value


def storable_backoff(retry: RetryPolicy | None) -> Backoff | None:
    policy = checked_retry(retry)
    if policy is None:
        return None
    if policy.filters:
        raise InvalidInput(
            "retry",
            "exception classes cannot be stored with a job",
            "Put retry_on and give_up_on on the task: @task(retry=...)",
        )
    return Backoff(policy.base, policy.factor, policy.cap, policy.jitter)
