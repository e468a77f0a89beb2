# ruff: noqa: E501 - a table: one row, one line
"""The table of `tests.hostile_inputs`, for the queue side."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pg_scheduler import InvalidInput, Job, PgQueuer, Queries, QueueManager, Scheduler, SchedulerManager
from pg_scheduler.client.enqueue_request import MAX_PAYLOAD
from tests.hostile_inputs import Call, Hostile

NAIVE = datetime(2030, 1, 1)  # noqa: DTZ001 - that is the point


async def handler(job: Job) -> None:
    """Takes a job."""


def enqueue(entrypoint: Any = "app:job", payload: Any = b"data", **more: Any) -> Call:
    """A call of `enqueue` that is right but for what is given."""
    return lambda scheduler: Queries(scheduler).enqueue(entrypoint, payload, **more)


def queries(method: str, *args: Any, **options: Any) -> Call:
    """A call of another method of `Queries`."""
    return lambda scheduler: getattr(Queries(scheduler), method)(*args, **options)


def entrypoint(name: Any = "fetch", func: Any = handler, **policy: Any) -> Call:
    """A use of the decorator, over the same driver."""
    return lambda scheduler: QueueManager(Scheduler(scheduler.driver)).entrypoint(name, **policy)(func)  # type: ignore[no-untyped-call]


def scheduled(name: Any = "fetch", expression: Any = "* * * * *", func: Any = handler, **policy: Any) -> Call:
    """A use of the other decorator."""
    return lambda scheduler: SchedulerManager(Scheduler(scheduler.driver)).schedule(
        name, expression, **policy
    )(func)


def run(**options: Any) -> Call:
    """A call of `run`, which would end at once if it were right."""
    return lambda scheduler: PgQueuer(Scheduler(scheduler.driver)).run(**{"mode": "drain", **options})


IN = InvalidInput
TABLE: tuple[Hostile, ...] = (
    # --- enqueue: one job
    Hostile("no entrypoint", enqueue(None), IN, "entrypoint: expected a str, got NoneType"),
    Hostile("an empty entrypoint", enqueue(""), IN, "entrypoint: must not be empty"),
    Hostile("a function as entrypoint", enqueue(handler), IN, "entrypoint: expected a str, got function"),
    Hostile("bytes as entrypoint", enqueue(b"fetch"), IN, "entrypoint: expected a str, got bytes"),
    Hostile("a NUL in the entrypoint", enqueue("a\x00b"), IN, "entrypoint: holds a control character"),
    Hostile("an entrypoint of a kilobyte", enqueue("x" * 1024), IN, "entrypoint: 1024 characters"),
    Hostile("a set of entrypoints", enqueue({"a", "b"}), IN, "entrypoint: expected a str, got set"),
    Hostile("a text as payload", enqueue(payload="data"), IN, "payload: expected bytes, got str. Encode it"),
    Hostile("a dict as payload", enqueue(payload={"a": 1}), IN, "payload: expected bytes, got dict"),
    Hostile("a number as payload", enqueue(payload=5), IN, "payload: expected bytes, got int"),
    Hostile("a payload that is too large", enqueue(payload=bytes(MAX_PAYLOAD + 1)), IN, f"payload: {MAX_PAYLOAD + 1} bytes"),
    Hostile("a priority by its name", enqueue(priority="high"), IN, "priority: expected a whole number, got 'high'"),
    Hostile("no priority", enqueue(priority=None), IN, "priority: expected a whole number, got None"),
    Hostile("a true priority", enqueue(priority=True), IN, "priority: expected a whole number, got True"),
    Hostile("a priority beyond the column", enqueue(priority=2**31 + 10), IN, "priority: out of range"),
    Hostile("a priority of five thousand digits", enqueue(priority=10**5_000), IN, "priority: out of range"),
    Hostile("a naive time to execute after", enqueue(execute_after=NAIVE), IN, "execute_after: 2030-01-01T00:00:00 has no time zone"),
    Hostile("seconds to execute after", enqueue(execute_after=60), IN, "execute_after: expected an aware datetime"),
    Hostile("all eternity", enqueue(execute_after=timedelta.max), IN, "execute_after: expected at most a century"),
    Hostile("a number as dedupe key", enqueue(dedupe_key=7), IN, "dedupe_key: expected a str, got int"),
    Hostile("an empty dedupe key", enqueue(dedupe_key=""), IN, "dedupe_key: must not be empty"),
    Hostile("a number as limit key", enqueue(limit_key=7), IN, "limit_key: expected a str, got int"),
    Hostile("a lone surrogate as limit key", enqueue(limit_key="\ud83d"), IN, "limit_key: holds a control character or a lone surrogate"),
    Hostile("a text as headers", enqueue(headers="a: b"), IN, "headers: expected a dict, got 'a: b'"),
    Hostile("an object among the headers", enqueue(headers={"a": object()}), IN, "headers: "),
    Hostile("not a number among the headers", enqueue(headers={"a": float("nan")}), IN, "headers: "),
    Hostile("a NUL among the headers", enqueue(headers={"a": "\x00"}), IN, "headers: "),
    Hostile("a header named by a number", enqueue(headers={1: 2}), IN, "headers: "),
    Hostile("negative retries of an enqueued job", enqueue(max_retries=-1), IN, "max_retries: expected a whole number from 0"),
    Hostile("an enqueued job without time", enqueue(timeout=0), IN, "timeout: must be more than 0"),
    Hostile("a text as wish for a result", enqueue(store_result="no"), IN, "store_result: expected a bool, got 'no'"),
    Hostile("an unknown answer to duplicates", enqueue(on_duplicate="replace"), IN, "on_duplicate: expected 'raise' or 'ignore', got 'replace'"),
    Hostile("a list as answer to duplicates", enqueue(on_duplicate=["raise"]), IN, "on_duplicate: expected"),
    Hostile("enqueueing on a foreign connection", enqueue(connection=object()), IN, "connection: ", needs_database=True),
    # --- enqueue: batches
    Hostile("lists of different lengths", enqueue(["a", "b"], [b"1"]), IN, "entrypoint: the lists of a batch differ in length (entrypoint: 2, payload: 1)"),
    Hostile("priorities for one job", enqueue(priority=[1, 2]), IN, "priority: is a list, but neither entrypoint nor payload is"),
    Hostile("headers for one job", enqueue(headers=[{}]), IN, "headers: is a list"),
    Hostile("a text among payloads", enqueue("a", [b"1", "2"]), IN, "payload: expected bytes, got str"),
    Hostile("a number among entrypoints", enqueue(["a", 5], None), IN, "entrypoint: expected a str, got int"),
    Hostile("None among priorities", enqueue(["a", "b"], None, priority=[1, None]), IN, "priority: expected a whole number, got None"),
    # --- the other methods
    Hostile("cancelling None by the queue side", queries("mark_job_as_cancelled", None), IN, "job_ids: expected a list of job ids, got None"),
    Hostile("cancelling numbers", queries("mark_job_as_cancelled", [1]), IN, "job_ids[0]: expected a job id, got 1"),
    Hostile("cancelling bytes", queries("mark_job_as_cancelled", b"existing"), IN, "job_ids: expected a list of job ids"),
    Hostile("cancelling an empty id", queries("mark_job_as_cancelled", ["existing", ""]), IN, "job_id: must not be empty"),
    Hostile("the statuses of a number", queries("job_status", 5), IN, "job_ids: expected a list of job ids, got 5"),
    Hostile("retrying a number", queries("retry_job", 5), IN, "job_id: expected a str, got int"),
    Hostile("clearing a number", queries("clear_queue", 5), IN, "entrypoint: expected a list of names, got 5"),
    Hostile("pausing nothing", queries("pause_task", ""), IN, "task: must not be empty"),
    Hostile("resuming None", queries("resume_task", None), IN, "task: expected a str, got NoneType"),
    Hostile("pausing the queue of nothing", queries("pause_queue", ""), IN, "queue: must not be empty"),
    Hostile("resuming None's queue", queries("resume_queue", None), IN, "queue: expected a str, got NoneType"),
    Hostile("limiting the queue of nothing", queries("limit_queue", ""), IN, "queue: must not be empty"),
    Hostile("limiting a queue to nothing", queries("limit_queue", "m", concurrency_limit=0), IN, "concurrency_limit: "),
    Hostile("a negative rate of a queue", queries("limit_queue", "m", requests_per_second=-1), IN, "requests_per_second: "),
    Hostile("a number as queue", enqueue(queue=7), IN, "queue: expected a str, got int"),
    Hostile("the log of a list", queries("log", ["existing"]), IN, "job_id: expected a str, got list"),
    Hostile("the handle of a number", queries("handle", 5), IN, "job_id: expected a str, got int"),
    # --- entrypoints
    Hostile("a list as entrypoint's name", entrypoint(["fetch"]), IN, "entrypoint: expected a str, got list"),
    Hostile("a decorator without its brackets", lambda s: QueueManager(Scheduler(s.driver)).entrypoint(handler), IN, "entrypoint: expected a str, got function"),  # type: ignore[call-overload]
    Hostile("an entrypoint without a name", entrypoint("  "), IN, "entrypoint: must not be empty"),
    Hostile("a decorated text", entrypoint(func="fetch"), IN, "entrypoint: expected a function to decorate, got 'fetch'"),
    Hostile("no room at all", entrypoint(concurrency_limit=0), IN, "concurrency_limit: "),
    Hostile("half a room", entrypoint(concurrency_limit=0.5), IN, "concurrency_limit: "),
    Hostile("no requests at all", entrypoint(requests_per_second=0), IN, "requests_per_second: "),
    Hostile("requests that are no number", entrypoint(requests_per_second=float("nan")), IN, "requests_per_second: "),
    Hostile("requests as text", entrypoint(requests_per_second="10"), IN, "requests_per_second: "),
    Hostile("serialized perhaps", entrypoint(serialized_dispatch="yes"), IN, "serialized_dispatch: "),
    Hostile("a retry timer of nothing", entrypoint(retry_timer=0), IN, "retry_timer: must be more than 0"),
    Hostile("an executor factory that is none", entrypoint(executor_factory=5), IN, "executor_factory: expected a class or function, got 5"),
    Hostile("an executor factory that makes a text", entrypoint(executor_factory=lambda parameters: "x"), IN, "executor_factory: made 'x', which has no execute method"),
    Hostile("an executor and a factory", entrypoint(executor="thread", executor_factory=object), IN, "executor: cannot be given together with executor_factory"),
    Hostile("deletion as answer to failure", entrypoint(on_failure="delete"), IN, "on_failure: expected a function or 'hold', got 'delete'"),
    Hostile("a text as acceptance of a context", entrypoint(accepts_context="yes"), IN, "accepts_context: expected a bool, got 'yes'"),
    Hostile("a context for another process", entrypoint(accepts_context=True, executor="process"), IN, "accepts_context: a context cannot travel"),
    Hostile("an entrypoint without time", entrypoint(timeout=-1), IN, "timeout: must be more than 0"),
    Hostile("retries as text", entrypoint(retry="3"), IN, "retry: expected a whole number >= 0, got '3'"),
    Hostile("retries given twice", entrypoint(retry=3, max_retries=3), IN, "max_retries: is given by retry already"),
    Hostile("an executor by a number", entrypoint(executor=5), IN, "executor: expected a name or an executor, got 5"),
    # --- schedules
    Hostile("a schedule without a name", scheduled(""), IN, "entrypoint: must not be empty"),
    Hostile("a schedule named by a function", scheduled(handler), IN, "entrypoint: expected a str, got function"),
    Hostile("a schedule's name of 151 characters", scheduled("x" * 151), IN, "entrypoint: 151 characters; the limit is 150"),
    Hostile("no expression", scheduled(expression=None), IN, "cron"),
    Hostile("an expression of four fields", scheduled(expression="* * * *"), IN, "* * * *"),
    Hostile("a minute that never comes", scheduled(expression="61 * * * *"), IN, "61"),
    Hostile("a day that never comes", scheduled(expression="0 0 30 2 *"), IN, "0 0 30 2 *"),
    Hostile("an expression with a NUL", scheduled(expression="* * * * \x00"), IN, "cron"),
    Hostile("an unknown zone", scheduled(timezone="Mars/Base"), IN, "Mars/Base"),
    Hostile("a scheduled text", scheduled(func="fetch"), IN, "schedule: expected a function to decorate, got 'fetch'"),
    Hostile("a schedule factory that is none", scheduled(executor_factory=5), IN, "executor_factory: expected a class or function, got 5"),
    Hostile("a schedule factory that makes nothing", scheduled(executor_factory=lambda parameters: None), IN, "executor_factory: made None"),
    Hostile("negative retries of windows", scheduled(max_retries=-1), IN, "max_retries: expected a whole number from 0"),
    Hostile("an unknown catch-up", scheduled(catch_up="some"), IN, "catch_up: "),
    Hostile("an unknown overlap", scheduled(overlap="some"), IN, "overlap: "),
    Hostile("windows without time", scheduled(timeout=0), IN, "timeout: must be more than 0"),
    # --- contexts and runs
    Hostile("the context of nobody", lambda s: QueueManager(s).get_context("no such job"), KeyError, "no such job"),
    Hostile("the context of a number", lambda s: QueueManager(s).get_context(5), IN, "job_id: expected a str, got int"),  # type: ignore[arg-type]
    Hostile("an unknown mode", run(mode="forever"), IN, "mode: expected one of continuous, drain, got 'forever'"),
    Hostile("a dequeue timeout of nothing", run(dequeue_timeout=0), IN, "dequeue_timeout: must be more than 0"),
    Hostile("a dequeue timeout as text", run(dequeue_timeout="30"), IN, "dequeue_timeout: expected a timedelta or seconds, got '30'"),
    Hostile("batches of nothing", run(batch_size=0), IN, "batch_size: must be at least 1"),
    Hostile("no tasks at all", run(max_concurrent_tasks=0), IN, "max_concurrent_tasks: must be at least 1"),
    Hostile("a grace as text", run(shutdown_timeout="30"), IN, "shutdown_timeout: expected "),
    Hostile("options beside a scheduler", lambda s: PgQueuer(s, max_concurrent_jobs=5), IN, "max_concurrent_jobs: is the scheduler's own business"),
    Hostile("an application over nothing", lambda s: PgQueuer(None), IN, "db_pool: cannot work on builtins.NoneType"),  # type: ignore[arg-type]
    Hostile("queries over a scheduler, with a schema", lambda s: Queries(s, schema="jobs"), IN, "source: brings its schema"),
    Hostile("queries over a number", lambda s: Queries(5), IN, "db_pool: cannot work on builtins.int"),  # type: ignore[arg-type]
)  # fmt: skip
