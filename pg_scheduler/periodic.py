"""Functions that run again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from pg_scheduler.client.periodic_registry import PeriodicJobConfig, register
from pg_scheduler.client.schedule_request import ScheduleFactory, ScheduleRequest
from pg_scheduler.domain.cron import GapRule, OverlapRule, zone_of
from pg_scheduler.domain.errors import InvalidInput, NotAsyncFunction
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.schedule import CatchUp, Overlap, ScheduleSpec, default_key
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.tasks.callables import is_async, refuse_generator
from pg_scheduler.engine.tasks.checks import checked_retry
from pg_scheduler.engine.tasks.definitions import Definition
from pg_scheduler.engine.tasks.registry import TaskRegistry, marked, signature_of
from pg_scheduler.ports.schedule_store import Contention, Origin

if TYPE_CHECKING:
    from pg_scheduler.client.keywords import CatchUpRule, LockContention, OverlapOfRuns

_F = TypeVar("_F", bound=Callable[..., Any])


def periodic(
    every: timedelta | None = None,
    cron: str | None = None,
    timezone: str | ZoneInfo | None = None,
    use_advisory_lock: bool = False,
    priority: JobPriority | int = JobPriority.NORMAL,
    max_retries: int = 0,
    job_name: str | None = None,
    dedup_key: str | None = None,
    enabled: bool = True,
    *,
    dst_gap: GapRule | None = None,
    dst_overlap: OverlapRule | None = None,
    jitter: timedelta = timedelta(0),
    catch_up: CatchUpRule = CatchUp.LATEST,
    catch_up_limit: int = 100,
    overlap: OverlapOfRuns = Overlap.WAIT,
    misfire_grace_time: int | Unset | None = UNSET,
    anchor: datetime | None = None,
    timeout: timedelta | float | None = None,
    retry: RetryPolicy | None = None,
    lock_contention: LockContention = Contention.WAIT,
    queue: str | None = None,
) -> Callable[[_F], _F]:
    """Run an async function at every window of an interval or a cron expression, once in the whole cluster.

    The function stays callable. Every `Scheduler` that starts in this process knows it; each window becomes
    one job with the id ``periodic:<dedup_key>:<window>``.

    Args:
        every: the interval; windows are aligned to 1970-01-01 UTC, or to `anchor`.
        cron: minute hour day month day-of-week, with seconds last if there are six fields; or ``@daily``
            and the like. Day of month and day of week are OR-ed where both are restricted.
        timezone: an IANA name or a ZoneInfo for `cron`; UTC by default.
        use_advisory_lock: each run holds a lock of the cluster from its first to its last moment.
        priority, max_retries, timeout: as in `Scheduler.schedule`.
        job_name: the name of its jobs; ``periodic_<function>`` by default.
        dedup_key: the schedule's identity; by default a digest of the function and of what makes its windows.
        enabled: whether a schedule that is new to the database starts out enabled.
        dst_gap, dst_overlap: what a wall-clock time does that does not exist ("shift" or "skip") or happens
            twice ("first" or "both").
        jitter: each run starts up to this long after its window.
        catch_up: what happens to windows that nobody ran in time: "none", "latest", or "all" up to
            `catch_up_limit`.
        overlap: what a window does while an earlier run is unfinished: "wait", "skip" or "allow".
        misfire_grace_time: seconds a window may be late and still count as in time; None: however late.
        anchor: an instant that is a window of an interval schedule.
        retry: when failed runs are tried again, exception filters included.
        lock_contention: what a run does when another holds its lock: "wait" or "skip".
        queue: where its jobs wait; by default what `@task` says, else "default".

    Raises:
        ValueError: neither or both of every and cron, a zone without cron, an invalid zone, expression or
            option (all of them `InvalidInput`).
            A function that cannot be called without arguments, or has no name of its own.
        TypeError: the function is not async, or a generator function.
    """
    if every is None and cron is None:
        raise InvalidInput("periodic", "Either every or cron must be given")
    if every is not None and cron is not None:
        raise InvalidInput("periodic", "every and cron cannot both be given")
    request = ScheduleRequest(
        task="(not decorated yet)",
        every=every,
        cron=cron,
        timezone=timezone,
        key=dedup_key,
        priority=priority,
        max_retries=max_retries,
        misfire_grace_time=misfire_grace_time,
        timeout=timeout,
        use_advisory_lock=use_advisory_lock,
        lock_contention=lock_contention,
        dst_gap=dst_gap,
        dst_overlap=dst_overlap,
        jitter=jitter,
        catch_up=catch_up,
        catch_up_limit=catch_up_limit,
        overlap=overlap,
        anchor=anchor,
        enabled=enabled,
        queue=queue,
    )
    spec = _checked(request)
    policy = checked_retry(retry)

    def decorate(func: _F) -> _F:
        _check_function(func)
        register(_config(func, request, spec, job_name, policy))
        return func

    return decorate


def _config(
    func: Callable[..., Any],
    request: ScheduleRequest,
    spec: ScheduleSpec,
    job_name: str | None,
    retry: RetryPolicy | None,
) -> PeriodicJobConfig:
    name = checked_name("job_name", job_name or f"periodic_{func.__name__}")
    usual_key = None if request.key else default_key(f"{func.__module__}.{func.__name__}", spec)
    key = request.key or usual_key
    assert key is not None
    return PeriodicJobConfig(
        func=func,
        interval=request.every,
        cron=request.cron,
        timezone=None if request.timezone is None else zone_of(request.timezone),
        priority=request.priority,
        max_retries=request.max_retries,
        job_name=name,
        dedup_key=key,
        use_advisory_lock=request.use_advisory_lock,
        enabled=request.enabled,
        retry=retry,
        request=request.named(name, key),
        definition=Definition.of(func),
        usual_key=usual_key,
        name_is_chosen=job_name is not None,
    )


def _check_function(func: Any) -> None:
    """Refuse what no window could run."""
    if isinstance(func, staticmethod | classmethod):
        raise NotAsyncFunction(
            f"the {type(func).__name__} {func.__qualname__}: @periodic is for async functions",
            "Write @staticmethod above @periodic; a method of a class has nothing to be called with",
        )
    refuse_generator(func)
    if not is_async(func) and marked(func).executor is None:
        shown = getattr(func, "__qualname__", repr(func))
        raise NotAsyncFunction(
            f"{shown}: @periodic is for async functions",
            'Declare it with "async def", or write @task(executor="thread") below @periodic',
        )
    if not isinstance(getattr(func, "__qualname__", None), str):
        raise InvalidInput(
            "func", f"{func!r} has no name of its own", "Decorate an async function that makes the call"
        )
    signature = signature_of(func)
    try:
        if signature is not None:
            signature.bind()
    except TypeError as error:
        raise InvalidInput(
            "func",
            f"{func.__qualname__}{signature}: {error}; @periodic calls it without arguments",
            "Give them defaults; decorate no method, but a function that makes the object",
        ) from None


def _checked(request: ScheduleRequest) -> ScheduleSpec:
    """Everything that can be wrong is wrong at decoration, not at start."""
    new = ScheduleFactory(TaskRegistry(), JsonCodec(), lambda: None).build(request, Origin.CODE)
    return ScheduleSpec.from_text(new.spec)


__all__ = ["PeriodicJobConfig", "periodic"]
