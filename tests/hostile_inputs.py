# ruff: noqa: E501 - a table: one row, one line
"""The table: what people and programs pass that cannot be, and how each is refused.

A row calls something on a scheduler whose store holds three jobs: "existing" (pending), "ended" (failed, with
an attempt in the history) and "done" (completed).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from pg_scheduler import (
    ConfigurationError,
    ConflictResolution,
    InvalidInput,
    InvalidTransition,
    JobAlreadyExists,
    JobNotFound,
    JobSpec,
    NotAsyncFunction,
    PollingConfig,
    RetryPolicy,
    Scheduler,
    TaskNameConflict,
    UnencodablePayload,
    VacuumConfig,
    VacuumPolicy,
    VacuumTrigger,
    task,
)

SOON = datetime(2030, 1, 1, tzinfo=UTC)
NAIVE = datetime(2030, 1, 1)  # noqa: DTZ001 - that is the point
INJECTION = "x'); DROP TABLE scheduled_jobs; --"

Call = Callable[[Scheduler], Any]


@dataclass(frozen=True)
class Hostile:
    """One row of the table."""

    name: str
    call: Call
    error: type[Exception]
    says: str
    """A part of the message, the name of the field above all."""
    needs_database: bool = False
    """True where only the store can know that the call cannot be."""


async def job(*args: Any, **kwargs: Any) -> None:
    """Takes anything."""


async def precise(number: int, *, scale: int = 1) -> None:
    """Takes one number."""


def plain() -> None:
    """Not async."""


class Callish:
    """A class whose instances can be awaited when called; the class itself cannot."""

    async def __call__(self) -> None: ...


@task(name="twin")
async def twin() -> None:
    """Has a name of its own."""


@task(name="twin")
async def other_twin() -> None:
    """Wants the same one."""


def schedule(func: Any = job, **changes: Any) -> Call:
    """A call of `schedule` that is right but for `changes`."""
    return lambda scheduler: scheduler.schedule(func, **{"execution_time": SOON, **changes})


def named(job_name: Any = "app:job", execution_time: Any = SOON, task_data: Any = None, **more: Any) -> Call:
    """A call of `schedule_job`."""
    return lambda scheduler: scheduler.schedule_job(job_name, execution_time, task_data, **more)


def bulk(jobs: Any, **more: Any) -> Call:
    """A call of `schedule_bulk`."""
    return lambda scheduler: scheduler.schedule_bulk(jobs, **more)


def status(job_id: Any, wanted: Any) -> Call:
    """A call of `update_job_status`."""
    return lambda scheduler: scheduler.update_job_status(job_id, wanted)


def make(kind: Callable[..., Any], *args: Any, **options: Any) -> Call:
    """A call that makes a setting."""
    return lambda scheduler: kind(*args, **options)


def scheduler(**options: Any) -> Call:
    """A constructor over the same driver, with its options or class attributes changed."""
    attributes = {name: value for name, value in options.items() if name.isupper()}
    kind = type("Changed", (Scheduler,), attributes)
    rest = {name: value for name, value in options.items() if name not in attributes}
    return lambda given: kind(given.driver, **rest)


def decorated(func: Any = job, **options: Any) -> Call:
    """A use of the `@task` decorator."""
    return lambda given: task(**options)(func)


async def twins(scheduler: Scheduler) -> None:
    """Two functions that want one name."""
    scheduler.register(twin)
    await scheduler.schedule(other_twin, execution_time=SOON)


def spec(**changes: Any) -> JobSpec:
    """A JobSpec that is right but for `changes`."""
    return JobSpec(**{"func": job, "execution_time": SOON, **changes})


def nested(levels: int) -> list[Any]:
    """A list in a list in a list."""
    items: list[Any] = []
    for _ in range(levels):
        items = [items]
    return items


IN, NO_JSON = InvalidInput, UnencodablePayload
TABLE: tuple[Hostile, ...] = (
    # --- schedule: when
    Hostile("a naive time", schedule(execution_time=NAIVE), IN, "execution_time: 2030-01-01T00:00:00 has no time zone"),
    Hostile("a time as text", schedule(execution_time="2030-01-01"), IN, "execution_time: expected an aware datetime, got str"),
    Hostile("a time as seconds", schedule(execution_time=1893456000), IN, "execution_time: expected an aware datetime, got int"),
    Hostile("a date", schedule(execution_time=date(2030, 1, 1)), IN, "execution_time: expected an aware datetime, got date"),
    Hostile("no time", schedule(execution_time=None), IN, "execution_time: expected an aware datetime, got NoneType"),
    Hostile("a time after the year 9999", schedule(execution_time=datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))), IN, "execution_time: 9999-12-31"),
    Hostile("a time before the year 1", schedule(execution_time=datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))), IN, "execution_time: 0001-01-01"),
    # --- schedule: what
    Hostile("a plain function", schedule(plain), NotAsyncFunction, "func: Expected an async function, got the plain function plain"),
    Hostile("a class", schedule(Callish), NotAsyncFunction, "func: Expected an async function, got the class Callish"),
    Hostile("a number as function", schedule(5), NotAsyncFunction, "func: Expected an async function, got int 5"),
    Hostile("None as function", schedule(None), NotAsyncFunction, "func: Expected an async function"),
    Hostile("a lambda in a thread", schedule(lambda: 1, executor="thread"), IN, "func: "),
    Hostile("a partial", schedule(functools.partial(precise, 1)), IN, "func: "),
    Hostile("an empty task name", schedule(""), IN, "job_name: must not be empty"),
    Hostile("a task name with a NUL", schedule("app:\x00job"), IN, "job_name: holds a control character"),
    Hostile("two functions of one name", twins, TaskNameConflict, "task name: 'twin' already names another function"),
    # --- schedule: with what
    Hostile("a text as args", schedule(args="abc"), IN, "args: expected a tuple or list, got str"),
    Hostile("a number as args", schedule(args=5), IN, "args: expected a tuple or list, got int"),
    Hostile("a set as args", schedule(args={1, 2}), IN, "args: expected a tuple or list, got set"),
    Hostile("a list as kwargs", schedule(kwargs=[("a", 1)]), IN, "kwargs: expected a dict, got list"),
    Hostile("keyword names that are numbers", schedule(kwargs={1: 2}), IN, "kwargs: keys must be str, got 1"),
    Hostile("too many arguments", schedule(precise, args=(1, 2)), IN, "args/kwargs: "),
    Hostile("a missing argument", schedule(precise), IN, "missing a required argument: 'number'"),
    Hostile("an unknown keyword", schedule(precise, args=(1,), kwargs={"colour": 1}), IN, "unexpected keyword argument 'colour'"),
    Hostile("an object", schedule(args=(object(),)), NO_JSON, "args[0]: builtins.object cannot be stored"),
    Hostile("a set inside", schedule(kwargs={"ids": [{1}]}), NO_JSON, "kwargs['ids'][0]: builtins.set cannot be stored"),
    Hostile("a function", schedule(args=(plain,)), NO_JSON, "args[0]: builtins.function cannot be stored"),
    Hostile("not a number", schedule(args=(1.5, float("nan"))), NO_JSON, "args[1]: nan is not a JSON number"),
    Hostile("an infinity", schedule(kwargs={"limit": float("inf")}), NO_JSON, "kwargs['limit']: inf is not a JSON number"),
    Hostile("a decimal that is none", schedule(args=(Decimal("NaN"),)), NO_JSON, "args[0]: Decimal NaN"),
    Hostile("a NUL in a text", schedule(args=("a\x00b",)), NO_JSON, "args[0]: holds a NUL"),
    Hostile("a lone surrogate", schedule(args=({"a": "\ud83d"},)), NO_JSON, "args[0]['a']: holds a lone surrogate"),
    Hostile("a NUL in a keyword", schedule(kwargs={"a\x00": 1}), NO_JSON, "kwargs key: holds a NUL"),
    Hostile("keys that are numbers", schedule(args=({1: 2},)), NO_JSON, "args[0]: keys must be str, got 1"),
    Hostile("a thousand lists in each other", schedule(args=(nested(1_000),)), NO_JSON, "args[0][0][0]"),
    Hostile("eleven megabytes", schedule(args=("x" * 11_000_000,)), NO_JSON, "arguments: 11000025 bytes encoded; the limit is 10485760"),
    Hostile("a number of ten thousand digits", schedule(args=(10**10_000,)), NO_JSON, "args[0]: an int of 33220 bits"),
    # --- schedule: how
    Hostile("a priority by its text", schedule(priority="high"), IN, "priority: expected a JobPriority or an int, got 'high'"),
    Hostile("a priority that is true", schedule(priority=True), IN, "priority: expected a JobPriority or an int"),
    Hostile("a priority of five bytes", schedule(priority=2**31), IN, "priority: 2147483648 does not fit"),
    Hostile("a priority of five thousand digits", schedule(priority=10**5_000), IN, "priority: "),
    Hostile("negative retries", schedule(max_retries=-1), IN, "max_retries: expected a whole number from 0"),
    Hostile("half a retry", schedule(max_retries=0.5), IN, "max_retries: expected a whole number >= 0, got 0.5"),
    Hostile("too many retries", schedule(max_retries=2**31), IN, "max_retries: expected a whole number from 0"),
    Hostile("retries of five thousand digits", schedule(max_retries=10**5_000), IN, "max_retries: "),
    Hostile("a negative grace", schedule(misfire_grace_time=-1), IN, "misfire_grace_time: expected a whole number from 0"),
    Hostile("a grace as timedelta", schedule(misfire_grace_time=timedelta(1)), IN, "misfire_grace_time: expected a whole number >= 0"),
    Hostile("a timeout of nothing", schedule(timeout=0), IN, "timeout: must be more than 0"),
    Hostile("a timeout of a century", schedule(timeout=timedelta(days=36_525)), IN, "timeout: must be more than 0 and at most a year"),
    Hostile("a timeout that is no number", schedule(timeout=float("nan")), IN, "timeout: expected a finite number"),
    Hostile("a timeout beyond floats", schedule(timeout=10**400), IN, "timeout: expected a finite number"),
    Hostile("a timeout as text", schedule(timeout="1h"), IN, "timeout: expected a timedelta or seconds, got '1h'"),
    Hostile("an unknown executor", schedule(executor="gpu"), IN, "executor: unknown 'gpu'. One of: async, process, thread"),
    Hostile("a number as executor", schedule(executor=5), IN, "executor: expected a name or an executor, got 5"),
    Hostile("a number as retry policy", schedule(retry=3), IN, "retry: expected a RetryPolicy, got 3"),
    Hostile("exception classes for one job", schedule(retry=RetryPolicy(retry_on=(OSError,))), IN, "retry: exception classes cannot be stored"),
    Hostile("an unknown conflict resolution", schedule(conflict_resolution="explode"), IN, "conflict_resolution: expected a ConflictResolution, got 'explode'"),
    Hostile("no conflict resolution", schedule(conflict_resolution=None), IN, "conflict_resolution: expected a ConflictResolution, got None"),
    Hostile("a foreign connection", schedule(connection=object()), IN, "connection: ", needs_database=True),
    # --- schedule: its id
    Hostile("an empty id", schedule(job_id=""), IN, "job_id: must not be empty"),
    Hostile("a blank id", schedule(job_id="  \t"), IN, "job_id: must not be empty"),
    Hostile("a number as id", schedule(job_id=7), IN, "job_id: expected a str, got int"),
    Hostile("an id with a NUL", schedule(job_id="a\x00b"), IN, "job_id: holds a control character"),
    Hostile("an id with a lone surrogate", schedule(job_id="a\udc00"), IN, "job_id: holds a control character or a lone surrogate"),
    Hostile("an id of a kilobyte", schedule(job_id="x" * 1024), IN, "job_id: 1024 characters; the limit is 255"),
    Hostile("a taken id", schedule(job_id="existing"), JobAlreadyExists, "'existing' already exists", needs_database=True),
    Hostile("an id for what finds its own", schedule(job_id="mine", deduplicate=True), IN, "job_id: cannot be given together with deduplicate"),
    Hostile("a window of nothing", schedule(deduplicate=timedelta(0)), IN, "deduplicate: expected True, False or a timedelta > 0"),
    Hostile("a window in seconds", schedule(deduplicate=60), IN, "deduplicate: expected True, False or a timedelta > 0, got 60"),
    Hostile("a window that starts before all time", schedule(execution_time=SOON.replace(year=1900), deduplicate=timedelta.max), IN, "window: "),
    # --- schedule_bulk
    Hostile("None in bulk", bulk(None), IN, "jobs: expected a list of JobSpecs, got None"),
    Hostile("one JobSpec in bulk", bulk(spec()), IN, "jobs: expected a list of JobSpecs"),
    Hostile("a dict in bulk", bulk({"func": job}), IN, "jobs: expected a list of JobSpecs"),
    Hostile("a function among the JobSpecs", bulk([spec(), job]), IN, "jobs[1]: expected a JobSpec"),
    Hostile("a naive time among the JobSpecs", bulk([spec(), spec(execution_time=NAIVE)]), IN, "execution_time: "),
    Hostile("an object among the arguments of many", bulk([spec(), spec(args=(object(),))]), NO_JSON, "args[0]: "),
    Hostile("rows of nothing", bulk([spec()], batch_size=0), IN, "batch_size: must be at least 1"),
    Hostile("an id twice in one call", bulk([spec(job_id="twice"), spec(job_id="twice")], conflict_resolution=ConflictResolution.RAISE), JobAlreadyExists, "'twice' already exists", needs_database=True),
    Hostile("a taken id among free ones", bulk([spec(job_id="free"), spec(job_id="existing")], conflict_resolution=ConflictResolution.RAISE), JobAlreadyExists, "'existing' already exists", needs_database=True),
    Hostile("a taken id in the second statement", bulk([spec(job_id="free"), spec(job_id="zz free"), spec(job_id="existing")], batch_size=1, conflict_resolution=ConflictResolution.RAISE), JobAlreadyExists, "'existing' already exists", needs_database=True),
    # --- schedule_job
    Hostile("a function by name", named(job), IN, "job_name: expected a str, got function"),
    Hostile("no name", named(None), IN, "job_name: expected a str, got NoneType"),
    Hostile("a name with a line end", named("app:job\n"), IN, "job_name: holds a control character"),
    Hostile("a list as task data", named(task_data=[1]), IN, "task_data: expected a dict, got list"),
    Hostile("task data of another form", named(task_data={"order": 1}), IN, "task_data: unknown key 'order'"),
    Hostile("a text as args of task data", named(task_data={"args": "abc"}), IN, "args: expected a tuple or list, got str"),
    Hostile("a list as kwargs of task data", named(task_data={"kwargs": []}), IN, "kwargs: expected a dict, got list"),
    Hostile("a naive time by name", named(execution_time=NAIVE), IN, "execution_time: "),
    # --- cancel_job, update_job_status
    Hostile("cancelling None", lambda s: s.cancel_job(None), IN, "job_id: expected a str, got NoneType"),  # type: ignore[arg-type]
    Hostile("cancelling nothing", lambda s: s.cancel_job(""), IN, "job_id: must not be empty"),
    Hostile("cancelling a NUL", lambda s: s.cancel_job("exist\x00ing"), IN, "job_id: holds a control character"),
    Hostile("cancelling on a foreign connection", lambda s: s.cancel_job("existing", connection="mine"), IN, "connection: ", needs_database=True),
    Hostile("an unknown status", status("existing", "done"), IN, "status: unknown status 'done'. One of: pending, running"),
    Hostile("no status", status("existing", None), IN, "status: unknown status None"),
    Hostile("the status of bytes", status(b"existing", "failed"), IN, "job_id: expected a str, got bytes"),
    Hostile("the status of nobody", status(INJECTION, "failed"), JobNotFound, "no job ", needs_database=True),
    Hostile("running by order", status("existing", "running"), InvalidTransition, "'existing' is pending: it cannot be set to running", needs_database=True),
    Hostile("expired by order", status("ended", "expired"), InvalidTransition, "'ended' is failed: it cannot be set to expired", needs_database=True),
    Hostile("failing what is done", status("done", "failed"), InvalidTransition, "'done' is completed: it cannot be set to failed", needs_database=True),
    Hostile("cancelling what is done by order", status("done", "cancelled"), InvalidTransition, "'done' is completed", needs_database=True),
    # --- the constructor
    Hostile("a scheduler over nothing", lambda s: Scheduler(None), IN, "db_pool: cannot work on builtins.NoneType"),  # type: ignore[arg-type]
    Hostile("a scheduler over a number", lambda s: Scheduler(5), IN, "db_pool: cannot work on builtins.int"),  # type: ignore[arg-type]
    Hostile("a scheduler over a word", lambda s: Scheduler("database"), IN, "dsn: is not a connection string"),
    Hostile("an unknown library", lambda s: Scheduler("postgresql://", library="mysql"), IN, "library: unknown 'mysql'"),  # type: ignore[arg-type]
    Hostile("no slots", scheduler(max_concurrent_jobs=0), IN, "max_concurrent_jobs: must be at least 1"),
    Hostile("half a slot", scheduler(max_concurrent_jobs=0.5), IN, "max_concurrent_jobs: expected a whole number"),
    Hostile("a negative default grace", scheduler(misfire_grace_time=-1), IN, "misfire_grace_time: expected a whole number"),
    Hostile("claims of nothing", scheduler(batch_claim_limit=0), IN, "batch_claim_limit: must be at least 1"),
    Hostile("a text as vacuum config", scheduler(vacuum_config="daily"), IN, "vacuum_config: expected a VacuumConfig, got 'daily'"),
    Hostile("a text as vacuum switch", scheduler(vacuum_enabled="no"), IN, "vacuum_enabled: expected a bool, got 'no'"),
    Hostile("a dict as polling config", scheduler(polling_config={}), IN, "polling_config: expected a PollingConfig, got {}"),
    Hostile("a number as default policy", scheduler(retry_policy=3), IN, "retry_policy: expected a RetryPolicy, got 3"),
    Hostile("no crashes at all", scheduler(max_crashes=0), IN, "max_crashes: must be at least 1"),
    Hostile("a text as list of modules", scheduler(task_modules="app.tasks"), IN, "task_modules: expected a list of module names"),
    Hostile("a module as module name", scheduler(task_modules=[functools]), IN, "task_modules[0]: expected a module name"),
    Hostile("a list of executors", scheduler(executors=["thread"]), IN, "executors: expected a dict"),
    Hostile("a name for an executor", scheduler(executors={"gpu": "thread"}), IN, "executors['gpu']: expected an executor, got 'thread'"),
    Hostile("one observer", scheduler(observers=5), IN, "observers: expected a list of observers"),
    Hostile("a lease of nothing", scheduler(LEASE_DURATION=0), IN, "LEASE_DURATION: must be more than 0"),
    Hostile("no lease", scheduler(LEASE_DURATION=None), IN, "LEASE_DURATION: expected a timedelta or seconds, got None"),
    Hostile("a threshold in the past", scheduler(HEARTBEAT_THRESHOLD=-1), IN, "HEARTBEAT_THRESHOLD: must be more than 0"),
    Hostile("workers without a name", scheduler(WORKER_ID_LENGTH=0), IN, "WORKER_ID_LENGTH: must be at least 1"),
    # --- @task and the settings
    Hostile("a task without a name", decorated(name=""), IN, "name: must not be empty"),
    Hostile("a task named by a number", decorated(name=5), IN, "name: expected a str, got int"),
    Hostile("a function registered with no time", lambda s: s.register(job, timeout=0), IN, "timeout: must be more than 0"),
    Hostile("a function registered under no name", lambda s: s.register(job, name=""), IN, "task name: must not be empty"),
    Hostile("a setting of nothing", lambda s: setattr(s, "max_concurrent_jobs", 0), IN, "max_concurrent_jobs: "),
    Hostile("a setting of another type", lambda s: setattr(s, "polling_config", 5), IN, "polling_config: expected a PollingConfig"),
    Hostile("a task with no time", decorated(timeout=-1), IN, "timeout: must be more than 0"),
    Hostile("a task with a number as policy", decorated(retry=3), IN, "retry: expected a RetryPolicy, got 3"),
    Hostile("a task run by a number", decorated(executor=5), IN, "executor: expected a name or an executor, got 5"),
    Hostile("a decorated number", decorated(5), IN, "func: expected a function to decorate, got 5"),
    Hostile("polling at once", make(PollingConfig, interval=0), ConfigurationError, "polling interval: expected seconds"),
    Hostile("polling once an hour", make(PollingConfig, interval=3600), ConfigurationError, "polling interval: expected seconds, more than 0 and up to 50"),
    Hostile("polling as text", make(PollingConfig, interval_without_listen="1"), ConfigurationError, "polling interval_without_listen: expected seconds"),
    Hostile("polling by chance alone", make(PollingConfig, jitter=1), ConfigurationError, "polling jitter: expected 0 to 0.5"),
    Hostile("listening perhaps", make(PollingConfig, listen="maybe"), ConfigurationError, "polling listen: expected True or False"),
    Hostile("delays of a negative base", make(RetryPolicy, base=timedelta(seconds=-1)), IN, "retry.base: expected a timedelta"),
    Hostile("delays that shrink", make(RetryPolicy, factor=0.5), IN, "retry.factor: expected a finite number >= 1"),
    Hostile("delays beyond floats", make(RetryPolicy, factor=10**400), IN, "retry.factor: expected a finite number >= 1"),
    Hostile("delays longer than time", make(RetryPolicy, cap=timedelta.max), IN, "retry.cap: expected a timedelta from 0 to a century"),
    Hostile("retries on a text", make(RetryPolicy, retry_on="ValueError"), IN, "retry.retry_on: expected a tuple of exception classes"),
    Hostile("a policy by its text", make(VacuumPolicy, "never"), IN, "trigger: expected a VacuumTrigger, got 'never'"),
    Hostile("a policy without its days", make(VacuumPolicy, VacuumTrigger.TIME_BASED), IN, "days: expected a whole number"),
    Hostile("days that are negative", make(VacuumPolicy.after_days, -1), IN, "days: expected a whole number from 0"),
    Hostile("a day and a half", make(VacuumPolicy.after_days, 1.5), IN, "days: expected a whole number"),
    Hostile("keeping minus one", make(VacuumPolicy.keep_last, -1), IN, "keep_count: expected a whole number from 0"),
    Hostile("a number as policy of failed jobs", make(VacuumConfig, failed=7), IN, "failed: expected a VacuumPolicy, got 7"),
    Hostile("vacuuming all the time", make(VacuumConfig, interval_minutes=0), IN, "interval_minutes: must be at least 1"),
)  # fmt: skip
