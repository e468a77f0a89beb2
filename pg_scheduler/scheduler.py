"""The scheduler: function style over the engine."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, Unpack, cast, overload

from pg_scheduler.client.batch_limit import UNSAID, batch_limit_of, checked_batch_limit
from pg_scheduler.client.current import bound, current_enqueues, note_running, note_stopped
from pg_scheduler.client.enqueuer import Enqueuer
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.job_factory import JobFactory, JobRequest, resolution
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.job_verbs import JobVerbs
from pg_scheduler.client.keywords import (
    CalledJobOptions,
    CallOptions,
    ScheduleChanges,
    SchedulerOptions,
    ScheduleSettings,
    TimedJobOptions,
)
from pg_scheduler.client.loop_calls import LoopCalls
from pg_scheduler.client.operator_verbs import OperatorVerbs
from pg_scheduler.client.outgoing import Outgoing
from pg_scheduler.client.periodic_registry import PeriodicJobConfig, watch
from pg_scheduler.client.result_type import R
from pg_scheduler.client.retention_client import RetentionClient
from pg_scheduler.client.schedule_book import ScheduleBook
from pg_scheduler.client.schedule_info import ScheduleInfo, ScheduleStatus
from pg_scheduler.client.schedule_request import ScheduleFactory, schedule_requested
from pg_scheduler.client.setting import Setting
from pg_scheduler.client.source import Library, Source
from pg_scheduler.client.standing_over import note_made_over
from pg_scheduler.client.submit_batcher import SubmitBatcher
from pg_scheduler.client.typed_call import Call, P
from pg_scheduler.client.watching import checked_observers
from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution, Submission, checked_conflict
from pg_scheduler.domain.errors import InvalidInput, SchemaError
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import (
    checked_grace,
    checked_instance,
    checked_items,
    checked_leases,
    checked_positive,
    checked_seconds,
    checked_status,
    checked_task_data,
)
from pg_scheduler.domain.model import ClaimedJob, NewJob
from pg_scheduler.domain.polling import PollingConfig
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.queues import Served, queue_groups
from pg_scheduler.domain.retention import VacuumConfig
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.executors.named import NamedExecutors
from pg_scheduler.engine.service import tried_again
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.engine.tasks.checks import checked_executors, given_or_default
from pg_scheduler.engine.tasks.registry import Task, TaskMap, TaskOptions, TaskRegistry
from pg_scheduler.engine.tasks.task_loader import Loaded, TaskLoader, tasks_of
from pg_scheduler.engine.worker_host import WorkerHost
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.event_loops import LoopLock
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.job_context import context_of_running_job
from pg_scheduler.ports.middleware import Middleware
from pg_scheduler.ports.observer import EventObserver, Observer
from pg_scheduler.process.environment import settings_from
from pg_scheduler.process.signals import run_until_signalled

if TYPE_CHECKING:
    from pg_scheduler.client.comparison import Comparison
    from pg_scheduler.engine.worker import Worker
    from pg_scheduler.ports.leases import Reclaimed

log: logging.Logger = logging.getLogger(__name__)

_F = TypeVar("_F", bound=Callable[..., Any])

START_PATIENCE = 30.0
"""Seconds in which `start()` repeats a step that the database rolled back, as other workers start too."""


class Scheduler(JobVerbs, OperatorVerbs):
    """Schedules jobs, and runs them once started.

    Args:
        db_pool: an asyncpg or psycopg pool or connection, a DSN, an AsyncEngine of SQLAlchemy's, an alias of
            Django's, or any Driver.
        max_concurrent_jobs: how many jobs run here at once.
        misfire_grace_time: whole seconds after its execution time before a job that never started expires;
            None means never. Each job may say otherwise. 0 means it must start on time (within a second).
        vacuum_config: how long finished jobs are kept.
        vacuum_enabled: whether finished jobs are deleted at all.
        batch_claim_limit: how many jobs one claim takes at most; above 1,000 it is several claims. If it is
            not given, as many as fit, and, while there are more, as many as the slots get through in a tenth
            of a second: of short jobs some wait for a slot, leased, and are given back if that takes longer
            than expected.
        polling_config: how an idle worker looks for work.
        schema: where the tables live; None means the first schema of the connection's search path.
        library: "asyncpg" or "psycopg" for a DSN; by default asyncpg where it is installed.
        retry_policy: delays between attempts: 60, 120, 240, 300, 300, ... seconds by default.
        max_crashes: a job whose worker died this many times under it ends failed.
        max_blocked: for how many leases jobs that block the event loop keep theirs; then other workers take
            what runs here. An hour with the default lease.
        task_modules: modules that are imported at the start, and whose tasks are registered: what is
            decorated with `@task`, and their async functions. Functions of their submodules are looked up
            (and imported) by the name in a row.
        executors: further executors by name, beside "async", "thread" and "process".
        codec, clock: replace JSON, or time.
        observers: told what the engine does.
        middleware: runs around every attempt and before every job is stored; the first is the outermost.
        periodic_jobs_enabled: whether this scheduler runs the functions decorated with @periodic.
        queues: the queues that it serves once started, as names; None means all. Or slots by name,
            ``{"mail": 20, "bulk": 5}``: of these queues at most so many jobs run here at once.
        app_version: what the application calls its version; the list of workers shows it.
        read_dsn: where questions go (lists, counts, summaries, workers), for example a replica: a connection
            string, or what `db_pool` may be. Whatever changes something, handles, `why` and `problems` stay
            with `db_pool`.

    Raises:
        InvalidInput: an argument is invalid.
    """

    HEARTBEAT_THRESHOLD: ClassVar[float] = 120
    """Seconds after which a running row that has no lease is given up."""
    LEASE_DURATION: ClassVar[float] = 60
    """Seconds a worker may be silent before its jobs are taken back."""
    WORKER_ID_LENGTH: ClassVar[int] = 8

    max_concurrent_jobs: Setting[int] = Setting(checked_positive, lambda number: {"capacity": number})
    misfire_grace_time: Setting[int | None] = Setting(checked_grace)
    batch_claim_limit: Setting[int] = Setting(
        checked_batch_limit, lambda number: {"batch_limit": batch_limit_of(number)}
    )
    polling_config: Setting[PollingConfig] = Setting(
        lambda name, config: checked_instance(name, config, PollingConfig),
        lambda config: {"polling": config},
    )
    vacuum_config: Setting[VacuumConfig] = Setting(
        lambda name, config: checked_instance(name, config, VacuumConfig),
        lambda config: {
            "retention": config.policies(),
            "retention_interval": config.interval_minutes * 60.0,
            "track_retention": config.track_metrics,
        },
    )
    vacuum_enabled: Setting[bool] = Setting(
        lambda name, enabled: checked_instance(name, enabled, bool), lambda enabled: {"prune": enabled}
    )

    def __init__(
        self,
        db_pool: Source,
        max_concurrent_jobs: int = 25,
        misfire_grace_time: int | None = 300,
        vacuum_config: VacuumConfig | None = None,
        vacuum_enabled: bool = True,
        batch_claim_limit: int = UNSAID,
        polling_config: PollingConfig | None = None,
        *,
        schema: str | None = None,
        library: Library | None = None,
        retry_policy: RetryPolicy | None = None,
        max_crashes: int = 5,
        max_blocked: float = 60,
        task_modules: Sequence[str] = (),
        executors: Mapping[str, Executor] | None = None,
        codec: Codec | None = None,
        clock: Clock | None = None,
        observers: Sequence[Observer | EventObserver] = (),
        middleware: Sequence[Middleware] = (),
        periodic_jobs_enabled: bool = True,
        queues: Served | None = None,
        app_version: str | None = None,
        read_dsn: Source | None = None,
    ) -> None:
        self.db_pool = db_pool
        self.driver: Driver = driver_over(db_pool, library=library, schema=schema)
        self.clock: Clock = clock or SystemClock()
        self.codec: Codec = codec or JsonCodec()
        self._host = WorkerHost(
            WorkerSettings(
                lease=checked_seconds("LEASE_DURATION", self.LEASE_DURATION),
                heartbeat_threshold=checked_seconds("HEARTBEAT_THRESHOLD", self.HEARTBEAT_THRESHOLD),
                max_crashes=checked_positive("max_crashes", max_crashes),
                max_blocked=checked_leases("max_blocked", max_blocked),
                retry=given_or_default("retry_policy", retry_policy, RetryPolicy),
                worker_id_length=checked_positive("WORKER_ID_LENGTH", self.WORKER_ID_LENGTH),
                app_version=None if app_version is None else checked_name("app_version", app_version),
            ),
            self._build_worker,
        )
        self.max_concurrent_jobs = max_concurrent_jobs
        self.configure_worker("queues", queues=queue_groups(queues))
        self.misfire_grace_time = misfire_grace_time
        self.vacuum_config = given_or_default("vacuum_config", vacuum_config, VacuumConfig)
        self.vacuum_enabled = vacuum_enabled
        self.batch_claim_limit = batch_claim_limit
        self.polling_config = given_or_default("polling_config", polling_config, PollingConfig)
        self._executors = NamedExecutors(checked_executors(executors))
        self._observers: list[Observer | EventObserver] = checked_observers(observers)
        self._middleware = checked_items("middleware", middleware, Middleware, "Middleware")
        self.periodic_jobs_enabled: bool = checked_instance(
            "periodic_jobs_enabled", periodic_jobs_enabled, bool
        )
        self._registry = TaskRegistry(self._host.tasks_changed)
        self._loader = TaskLoader(
            self._registry, checked_items("task_modules", task_modules, str, "module name")
        )
        self.task_map: TaskMap = TaskMap(self._registry)
        self.client: JobClient = JobClient(
            self.driver,
            self.clock,
            self.codec,
            wakeups=self._host,
            batcher=SubmitBatcher(self.driver, self.clock),
            outgoing=Outgoing(self._middleware, self._note_stored),
            reader=None if read_dsn is None else driver_over(read_dsn, library=library, schema=schema),
        )
        self._jobs = JobFactory(
            self._registry,
            self.codec,
            self.clock,
            lambda: self.misfire_grace_time,
            self._executors.names,
        )
        self.schedules: ScheduleBook = ScheduleBook(
            self.client,
            self._registry,
            ScheduleFactory(self._registry, self.codec, lambda: self.misfire_grace_time),
            on_adopted=self._host.schedules_adopted,
        )
        self.retention: RetentionClient = RetentionClient(
            self.client, lambda: self.worker.services.pruner.prune_once()
        )
        self._runs = False
        note_made_over(self.driver, self)
        self.is_shutting_down: bool = False
        self.stop_grace: float | None = 30
        """Seconds that running jobs get if somebody stops this worker from elsewhere; None: as many as they
        need."""
        self._changing = LoopLock()
        self._loop_calls = LoopCalls()
        self._shutdowns: set[asyncio.Task[None]] = set()

    def _build_worker(self, settings: WorkerSettings, worker_id: str) -> Worker:
        # Half of this library runs jobs: a program that only stores some does not load it.
        from pg_scheduler.engine.composition import Surroundings
        from pg_scheduler.engine.worker import Worker

        given = Surroundings(
            driver=self.driver,
            clock=self.clock,
            codec=self.codec,
            registry=self._registry,
            executors=self._executors.for_worker(settings.capacity),
            settings=settings,
            schedules=self.schedules.wanted,
            try_import=self._loader.load,
            observers=self._observers,
            middleware=self._middleware,
            shut_down=lambda: self._begin_shutdown(self.stop_grace),
            owner=self,
        )
        return Worker(given, worker_id)

    # --- ways to make one

    @classmethod
    def connect(cls, dsn: str, **options: Unpack[SchedulerOptions]) -> Self:
        """A scheduler over connections of its own: ``async with Scheduler.connect(dsn) as scheduler``.

        Options are those of the constructor. Entering the block starts it, leaving shuts it down. The string
        may be as SQLAlchemy writes it, ``postgresql+asyncpg://...``.
        """
        return cls(dsn, **options)

    @classmethod
    def from_env(
        cls, environment: Mapping[str, str] | None = None, **options: Unpack[SchedulerOptions]
    ) -> Self:
        """A scheduler as the environment says: DATABASE_URL, MAX_CONCURRENT_JOBS, MISFIRE_GRACE_TIME,
        VACUUM_ENABLED. `options` win.

        Raises:
            ConfigurationError: a variable is missing or cannot be read.
        """
        return cls(**{**settings_from(os.environ if environment is None else environment), **options})

    # --- life

    @property
    def is_running(self) -> bool:
        """Whether it was started here and not shut down. One that was started before this process was forked,
        or in an event loop that has been closed, does not run."""
        return self._runs and self._host.started

    @property
    def worker(self) -> Worker:
        """The engine of the current (or next) run. Settings that are changed before the start discard it."""
        return self._host.worker

    @property
    def worker_id(self) -> str:
        """Identity of the current (or next) run; a restart gets a new one."""
        return self._host.worker_id

    @property
    def lease(self) -> timedelta:
        """How long this worker may be silent before its jobs are taken back."""
        return self._host.settings.lease

    @property
    def active_jobs(self) -> set[str]:
        """Ids of the jobs that run here now."""
        return {attempt.job.job_id for attempt in self._host.attempts()}

    @property
    def active_tasks(self) -> set[asyncio.Task[None]]:
        """The asyncio tasks that run them."""
        return {attempt.task for attempt in self._host.attempts() if attempt.task}

    @property
    def observers(self) -> Sequence[Observer | EventObserver]:
        """Who is told what the engine does."""
        return tuple(self._observers)

    def add_observer(self, observer: Observer | EventObserver) -> None:
        """Tell one more observer what the engine does, from now on."""
        self._observers += checked_observers([observer])

    def _note_stored(self, jobs: Sequence[NewJob]) -> None:
        if self._observers:
            from pg_scheduler.engine.observers import Observers
            from pg_scheduler.ports.worker_events import JobsStored

            Observers(self._observers, self.clock).emit(JobsStored(jobs))

    def configure_worker(self, setting: str, **fields: Any) -> None:
        """Change fields of `WorkerSettings` for the next run; `setting` names them in the error.

        Raises:
            AlreadyStarted: a RuntimeError; it runs.
        """
        self._host.configure(setting, **fields)

    def reconfigure(
        self,
        *,
        max_concurrent_jobs: int | None = None,
        batch_claim_limit: int | None = None,
        polling_config: PollingConfig | None = None,
        lease: timedelta | float | None = None,
        only: Iterable[str] | None = None,
        queues: Served | None = None,
    ) -> None:
        """Change settings before the start; those left out stay.

        Args:
            lease: how long this worker may be silent before its jobs are taken back.
            only: names of the tasks whose jobs this worker runs; others are left to other workers.
            queues: the queues that it serves, or slots by queue.

        Raises:
            AlreadyStarted: a RuntimeError; it runs.
            InvalidInput: a setting is invalid.
        """
        if max_concurrent_jobs is not None:
            self.max_concurrent_jobs = max_concurrent_jobs
        if batch_claim_limit is not None:
            self.batch_claim_limit = batch_claim_limit
        if polling_config is not None:
            self.polling_config = polling_config
        if lease is not None:
            self.configure_worker("lease", lease=checked_seconds("lease", lease))
        if only is not None:
            self.configure_worker("only", only=frozenset(checked_items("only", only, str, "name")))
        if queues is not None:
            self.configure_worker("queues", queues=queue_groups(queues))

    async def open(self) -> None:
        """Connect without starting to run jobs; `schedule` does it by itself. Idempotent."""
        self._host.refuse_elsewhere()
        await self.client.open()
        self._loop_calls.note_loop()

    async def initialize_db(self) -> None:
        """Create, upgrade or heal the tables. Safe at any time, from any number of processes."""
        await self.open()
        await self.driver.schema.install()

    async def start(self) -> None:
        """Install the schema, take back lost jobs and start running due ones. Idempotent; while a shutdown is
        under way, it starts after that.

        Raises:
            ConfigurationError: it runs in another event loop.
        """
        self._host.refuse_elsewhere()
        async with self._changing:
            if self.is_running:
                return
            await self.initialize_db()
            self._loader.register_trusted()
            await self.load_task_functions()
            with self._host.starting() as worker:
                for step in (
                    worker.services.reclaimer.reclaim_once,
                    worker.services.limits.keep,
                    self.register_schedules,
                    worker.services.schedule_keeper.keep,
                ):
                    await tried_again(step, self.clock, START_PATIENCE)
                worker.start()
            self._runs = True
            note_running(self)

    async def shutdown(self, timeout: float | None = 30) -> None:
        """Stop: no new jobs; running ones get `timeout` seconds (None: as long as they need), then they are
        cancelled and released, claimable at once by others. Idempotent, and legal before `start`.

        A call with a shorter timeout while another waits hastens it, and so does cancelling the wait: the
        jobs are released before the cancellation goes on.

        Called by one of its own jobs it returns at once: the shutdown goes on, and waits for this job as for
        the others. Called in another event loop than the scheduler's, it waits for that one.
        """
        if (elsewhere := self._loop_calls.in_another_loop()) is not None:
            calling = asyncio.run_coroutine_threadsafe(self.shutdown(timeout), elsewhere)
            await asyncio.wrap_future(calling)
            return
        self._host.refuse_elsewhere()
        if self._called_by_a_job():
            self._begin_shutdown(timeout)
            return
        if self.is_shutting_down:
            await self._host.stop(timeout)
        async with self._changing:
            self.is_shutting_down = True
            try:
                await self.schedules.changes_done()
                await self._host.stop(timeout)
            finally:
                try:
                    await self.client.waiter.close()
                    await self._executors.close(self._registry.executors())
                    await self.client.close()
                finally:
                    self._host.end()
                    note_stopped(self)
                    self._runs = self.is_shutting_down = False

    def _called_by_a_job(self) -> bool:
        context = context_of_running_job()
        return context is not None and any(one.context is context for one in self._host.attempts())

    def _begin_shutdown(self, timeout: float | None) -> None:
        # Not in the job's own context, in which it would be called by a job again.
        going_on = asyncio.get_running_loop().create_task(
            self.shutdown(timeout), name="pg_scheduler shutdown", context=contextvars.Context()
        )
        self._shutdowns.add(going_on)
        going_on.add_done_callback(self._shutdown_ended)

    def _shutdown_ended(self, ended: asyncio.Task[None]) -> None:
        self._shutdowns.discard(ended)
        if not ended.cancelled() and (error := ended.exception()) is not None:
            log.error("the shutdown failed", exc_info=error)

    async def run(self, shutdown_timeout: float | None = 30) -> None:
        """Start, run until SIGTERM, SIGINT or `shutdown()`, shut down. A second signal releases what still
        runs. If a signal finds the event loop blocked, and it still is `shutdown_timeout` and 30 seconds
        later, the process is ended by force."""

        async def until() -> None:
            await self.worker.wait_stopped()

        self.stop_grace = shutdown_timeout

        await run_until_signalled(self.start, self.shutdown, shutdown_timeout, until=until)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.shutdown()  # nobody else will: the block is never entered
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.shutdown()

    def bound(self) -> AbstractContextManager[None]:
        """Within ``with scheduler.bound():`` the verbs of a task (``await send.enqueue(...)``) mean this
        scheduler, in the whole process. A job's own scheduler, and ``using(scheduler=...)``, go before it."""
        self._loop_calls.note_loop()
        return bound(self)

    # --- jobs

    def using(self, **options: Unpack[CallOptions]) -> Enqueuer:
        """One that stores calls with options: ``scheduler.using(delay=60).enqueue(send, "Ada")``.

        Args:
            delay: how long after now, by the database's clock (timedelta or seconds).
            at: instead of `delay`, an aware datetime.
            options: priority, max_retries, job_id, conflict_resolution, misfire_grace_time, executor,
                timeout, retry, deduplicate, store_result, limit_key, headers and connection, as in
                `schedule`.
        """
        return Enqueuer(
            jobs=self._jobs, client=self.client, run_now=self._loop_calls.run_now, options=options
        )

    @overload
    async def enqueue(
        self, func: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs
    ) -> JobHandle[R]: ...

    @overload
    async def enqueue(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> JobHandle[R]: ...

    @overload
    async def enqueue(self, func: str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]: ...

    async def enqueue(self, func: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> JobHandle[Any]:
        """Store the call ``func(*args, **kwargs)`` as a job that is due now, by the database's clock. It
        never expires, however late a worker comes to it, unless `using` or its task says otherwise.

        Args:
            func: as in `schedule`. Type checkers compare the arguments with its parameters.

        Returns, Raises:
            As `schedule`.
        """
        return await self.using().enqueue(func, *args, **kwargs)

    async def enqueue_many(self, calls: Iterable[Call[R]]) -> list[JobHandle[R]]:
        """Store many calls, ``call(func, ...)`` each, in one transaction: all of them or, if this raises,
        none. Otherwise as `enqueue`; options are given by ``using(...).enqueue_many(...)``."""
        return await self.using().enqueue_many(calls)

    @overload
    async def schedule(self, func: Call[R], **options: Unpack[TimedJobOptions]) -> JobHandle[R]: ...

    @overload
    async def schedule(
        self, func: Callable[..., Awaitable[R]], **options: Unpack[CalledJobOptions]
    ) -> JobHandle[R]: ...

    @overload
    async def schedule(self, func: Callable[..., R], **options: Unpack[CalledJobOptions]) -> JobHandle[R]: ...

    @overload
    async def schedule(self, func: str, **options: Unpack[CalledJobOptions]) -> JobHandle[Any]: ...

    async def schedule(
        self,
        func: Call[Any] | Callable[..., Any] | str,
        *,
        execution_time: datetime | Unset = UNSET,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: JobPriority | int | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        job_id: str | None = None,
        conflict_resolution: ConflictResolution = ConflictResolution.RAISE,
        misfire_grace_time: int | Unset | None = UNSET,
        executor: str | Executor | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy | None = None,
        deduplicate: bool | timedelta = False,
        store_result: bool | Unset = UNSET,
        limit_key: str | Unset | None = UNSET,
        delay: timedelta | float | None = None,
        headers: Mapping[str, Any] | None = None,
        queue: str | Unset = UNSET,
        connection: Any = None,
    ) -> JobHandle[Any]:
        """Store a job that runs `func` at `execution_time`, here or in any worker that knows the function.

        A job that has not started within its misfire grace, 300 seconds unless something else is said,
        expires: it never runs. `enqueue` stores jobs that do not.

        Args:
            func: an async function; a plain one with ``executor="thread"`` or ``"process"``; a ``call(...)``
                of either, which brings its arguments; or the name of a task that a worker knows.
            execution_time: aware; in the past means now, unless further back than the misfire grace. Left
                out, it is now, by the database's clock.
            args, kwargs: what the function is called with; JSON and the types of `JsonCodec`.
            priority: a JobPriority, or an integer rank: smaller runs first. Left out, what `@task` says, else
                JobPriority.NORMAL.
            max_retries: attempts after the first that fails. Left out, what `@task` says, else 0.
            job_id: an id of your own; by default a time-ordered UUID.
            conflict_resolution: what to do if the id is taken.
            misfire_grace_time: seconds, None for never; left out, what `@task` says, else the scheduler's.
            executor: how to run it: "async", "thread", "process", or an executor.
            timeout: longest time of one attempt (timedelta or seconds).
            retry: delays of this job's retries.
            deduplicate: True makes the id a digest of task and arguments, so that equal jobs are one; a
                timedelta does so within each window of that length that holds `execution_time`. A
                duplicate returns the stored job's id, unless conflict_resolution is REPLACE.
            store_result: keep what the function returns, for `handle.result()`. Left out, what `@task` says,
                else False.
            limit_key: whose share of the task's limits it takes (a tenant, a customer): limits hold for
                each key by itself, and for the jobs without a key together. Left out, what `@task` says.
            delay: instead of `execution_time`, how long after now, by the database's clock (timedelta or
                seconds).
            headers: a JSON object that travels with the job, beside its arguments; the function finds it as
                ``current_job().headers``.
            queue: where it waits: workers that serve this queue run it. Left out, what `@task` says, else
                "default".
            connection: a connection of asyncpg or psycopg, or a session or connection of SQLAlchemy's: the
                job becomes visible, and a worker is woken, when its transaction commits; a rollback leaves
                nothing. One that is in no transaction is refused, unless it comes as
                `Borrowed(connection, autocommit=True)`.

        Returns:
            The id: a str that also has ``cancel()``, ``status()``, ``wait()`` and ``result()``.

        Raises:
            JobAlreadyExists: a ValueError; the id is taken and the resolution is RAISE.
            NotAsyncFunction: a TypeError; a plain function without an executor for it.
            InvalidInput: any other argument is invalid; nothing was sent to the database.
        """
        if isinstance(func, Call):
            if args or kwargs:
                raise InvalidInput("args/kwargs", "cannot be given together with a call, which has its own")
            args, kwargs, func = func.args, func.kwargs, func.func
        request = JobRequest(
            func=func,
            execution_time=execution_time,
            args=args,
            kwargs=kwargs,
            priority=priority,
            max_retries=max_retries,
            job_id=job_id,
            misfire_grace_time=misfire_grace_time,
            executor=executor,
            timeout=timeout,
            retry=retry,
            deduplicate=deduplicate,
            store_result=store_result,
            limit_key=limit_key,
            delay=delay,
            headers=headers,
            queue=queue,
        )
        return await self._store(request, conflict_resolution, connection)

    async def _store(
        self, request: JobRequest, given: ConflictResolution, connection: Any = None
    ) -> JobHandle[Any]:
        conflict = resolution(given, request.deduplicate)
        (stored,) = await self.client.store([self._jobs.build(request)], conflict, connection=connection)
        return JobHandle(stored.job_id, self.client)

    async def schedule_bulk(
        self,
        jobs: Iterable[JobRequest],
        *,
        conflict_resolution: ConflictResolution = ConflictResolution.IGNORE,
        batch_size: int = 1000,
        connection: Any = None,
    ) -> list[JobHandle | None]:
        """Store many jobs in one transaction: all of them or, if this raises, none.

        Args:
            jobs: each a `JobSpec`; a generator will do.
            conflict_resolution: one for all of them.
            batch_size: rows per statement, where they do not go by COPY (from a hundred jobs on, if no id
                can be taken or if a taken one is an error).
            connection: as in `schedule`.

        Returns:
            Ids in the order of `jobs`; None where the id was taken already (IGNORE).

        Raises:
            As `schedule`.
        """
        conflict = checked_conflict(conflict_resolution)
        rows = checked_positive("batch_size", batch_size)
        built = self._jobs.build_all(checked_items("jobs", jobs, JobRequest, "JobSpec"))
        stored = await self.client.store(built, conflict, connection=connection, batch_size=rows)
        return [
            None if one.answer is Submission.IGNORED else JobHandle(one.job_id, self.client) for one in stored
        ]

    async def schedule_job(
        self,
        job_name: str,
        execution_time: datetime,
        task_data: Mapping[str, Any] | None,
        priority: JobPriority | int | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        job_id: str | None = None,
        conflict_resolution: ConflictResolution = ConflictResolution.RAISE,
        misfire_grace_time: int | None = None,
    ) -> JobHandle[Any]:
        """Store a job by the name of its task, without having the function at hand.

        Args:
            job_name: ``module:function``, a task's own name, or a bare function name that is unambiguous
                where it runs.
            task_data: ``{"args": [...], "kwargs": {...}}``.
            misfire_grace_time: seconds; None means the scheduler's default.

        The rest, and what is raised, is as in `schedule`.
        """
        args, kwargs = checked_task_data(task_data)
        request = JobRequest(
            func=checked_name("job_name", job_name),
            execution_time=execution_time,
            args=args,
            kwargs=kwargs,
            priority=priority,
            max_retries=max_retries,
            job_id=job_id,
            misfire_grace_time=UNSET if misfire_grace_time is None else misfire_grace_time,
        )
        return await self._store(request, conflict_resolution)

    async def update_job_status(self, job_id: str, status: JobStatus | str) -> None:
        """Move a job by hand, through the state machine: pending reopens a finished or running job, completed
        and failed end a live one, cancelled is `cancel_job`. A running attempt loses its lease.

        Raises:
            JobNotFound, InvalidTransition: no such job, no such step.
        """
        await self.client.override_status(job_id, checked_status(status))

    # --- schedules; all of it works in the whole cluster

    def get_periodic_jobs(self) -> dict[str, PeriodicJobConfig]:
        """The functions decorated with @periodic in this process, by dedup key."""
        return self.schedules.configs()

    def enable_periodic_job(self, dedup_key: str) -> bool:
        """Resume a schedule everywhere. True if this process has it; the change is made in the background
        (`await resume_schedule(key)` waits for it). It goes on with the first window after now."""
        return self.schedules.set_paused_soon(dedup_key, paused=False)

    def disable_periodic_job(self, dedup_key: str) -> bool:
        """Pause a schedule everywhere, through restarts and deploys, until it is enabled. As above."""
        return self.schedules.set_paused_soon(dedup_key, paused=True)

    async def trigger_periodic_job(self, dedup_key: str) -> str | None:
        """Run it now, with its retries and its lock, and beside an unfinished run, whatever its `overlap`
        says; the job's id, or None if there is no such schedule."""
        return await self.schedules.trigger(dedup_key)

    def get_periodic_job_status(self, dedup_key: str) -> ScheduleStatus | None:
        """What this process knows: names, settings, enabled, the next run by its own clock. None if it has
        no such function. `schedule_status` asks the database."""
        return self.schedules.known_status(dedup_key)

    async def schedule_status(self, key: str) -> ScheduleStatus | None:
        """The same, read from the database, with last_run, last_status, run_count and skipped_count."""
        return await self.schedules.status(key)

    async def pause_schedule(self, key: str) -> bool:
        """Pause a schedule everywhere; False if there is none."""
        return await self.schedules.set_paused(key, paused=True)

    async def resume_schedule(self, key: str) -> bool:
        """Resume a schedule everywhere; False if there is none."""
        return await self.schedules.set_paused(key, paused=False)

    async def add_schedule(
        self,
        task: Callable[..., Any] | str,
        *,
        connection: Any = None,
        **settings: Unpack[ScheduleSettings],
    ) -> str:
        """Store a schedule at run time; its key. It runs until removed, whether this program lives or not.

        Args:
            task: an async function, or the name of a task that a worker knows.
            settings: `every` or `cron` with `timezone`; `args` and `kwargs`; `key`, the schedule's identity
                (by default a digest of task, arguments and timing, so that the same call again changes
                nothing; with a key of your own, another expression replaces the old one); and the options
                of @periodic.
            connection: as in `schedule`: the schedule is part of the transaction there.

        Raises:
            InvalidInput: an argument is invalid.
        """
        return await self.schedules.add(schedule_requested(task, settings), connection)

    async def update_schedule(self, key: str, **changes: Unpack[ScheduleChanges]) -> None:
        """Change settings of a stored schedule; the others stay. Its mark stays too, so no window runs twice.

        Raises:
            InvalidInput: there is no such schedule or setting.
        """
        await self.schedules.update(key, changes)

    async def remove_schedule(self, key: str) -> bool:
        """Forget a schedule; False if there was none. Jobs it made stay."""
        return await self.schedules.remove(key)

    async def list_schedules(self) -> list[ScheduleInfo]:
        """All stored schedules by key, whoever made them."""
        return await self.schedules.infos()

    async def next_runs(self, key: str, count: int = 5) -> list[datetime]:
        """The next windows of a stored schedule, as if it were not paused.

        Raises:
            InvalidInput: there is no such schedule.
        """
        return await self.schedules.next_runs(key, count)

    # --- retention of finished jobs

    async def run_vacuum(self) -> dict[str, int]:
        """Delete now what the policies no longer keep, whether vacuuming is enabled or not; how many jobs of
        each status. All zero if another worker is at it."""
        return await self.retention.run()

    async def get_vacuum_stats(self, days: int = 7) -> list[dict[str, Any]]:
        """One dict per day (UTC) with deletions, latest first: day, deleted_completed, deleted_failed,
        deleted_cancelled, deleted_expired, runs, last_run. Kept with ``track_metrics=True``."""
        return await self.retention.by_day(days)

    async def get_total_vacuum_stats(self) -> dict[str, Any]:
        """Sums over all time and workers: total_completed, total_failed, total_cancelled, total_expired, and
        last_vacuum_run (None if there was none). Kept with ``track_metrics=True``."""
        return await self.retention.totals()

    # --- the steps of the engine, one by one; `start()` does all of this by itself

    async def recover_orphaned_jobs(self) -> list[Reclaimed]:
        """Take back every job whose lease is over, now; what was taken. By itself a worker waits a moment
        after a restart of the server, during which nobody could renew; this does not."""
        await self.open()
        return await self.worker.services.reclaimer.reclaim_once(force=True)

    async def periodic_orphan_recovery(self) -> None:
        """Take back lost jobs until cancelled. `start()` runs this already."""
        await self.open()
        while True:
            await self.worker.services.reclaimer.one_round()

    async def monitor_heartbeats(self) -> None:
        """The same loop under its other documented name."""
        await self.periodic_orphan_recovery()

    async def send_heartbeat(self, job_id: str) -> bool:
        """Renew the leases of this worker now; whether `job_id` is among those still held."""
        await self.open()
        answer = await self.worker.services.lease_keeper.renew_now()
        return any(lease.job_id == job_id for lease in answer.held)

    async def listen_for_jobs(self) -> None:
        """Start if need be, and run jobs until cancelled or shut down."""
        await self.start()
        await self.worker.wait_stopped()

    async def execute_job(self, job_row: ClaimedJob | Mapping[str, Any] | str) -> None:
        """Run one job here and now and settle it: a claimed one, or a pending one named by its row or id,
        which is claimed first. Does nothing if it is not pending any more."""
        await self.open()
        await self._host.run_job(_job_of(job_row))

    async def execute_job_with_concurrency_control(
        self, job_row: ClaimedJob | Mapping[str, Any] | str
    ) -> None:
        """As `execute_job`, once one of the `max_concurrent_jobs` slots is free."""
        await self.open()
        await self.worker.services.active.wait_for_slot()
        await self._host.run_job(_job_of(job_row))

    # --- tasks

    def register(
        self,
        func: _F,
        *,
        name: str | None = None,
        executor: str | Executor | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy | None = None,
    ) -> _F:
        """Make a function known to this worker, so that it runs jobs that others scheduled; returns it.

        The arguments are those of `@task`, and win over it.

        Raises:
            NotAsyncFunction, TaskNameConflict, InvalidInput: as `schedule`.
        """
        options = TaskOptions(name, executor, timeout, retry)  # type: ignore[arg-type]
        self._registry.register(func, options)
        return func

    def register_module(self, module: ModuleType) -> list[str]:
        """Register the tasks of a module: what is decorated with `@task`, and its own async functions, but
        not those with a leading underscore; their names.

        Raises:
            NotAsyncFunction, TaskNameConflict, InvalidInput: as `schedule`.
        """
        checked_instance("module", module, ModuleType)
        return [self._registry.register(func).name for func in tasks_of(module)]

    def register_task(self, func: Callable[..., Any], options: TaskOptions) -> None:
        """As `register`, with everything that a task can be told. For the entrypoint style."""
        self._registry.register(func, options)

    async def load_task_functions(self) -> Loaded:
        """Look up the functions of pending jobs in `task_modules` and the main module; what was found and
        what was not. Jobs of unknown tasks stay pending."""
        await self.open()
        return self._loader.load(await self.driver.insight.pending_names())

    async def compare_with_store(self, *, elsewhere: bool = False) -> Comparison:
        """What a start of this application would meet and change in its database, without a change: waiting
        jobs that it could not run, schedules and limits that would be others, steps of the schema that are
        pending. `elsewhere`: jobs of unknown tasks are run by other applications."""
        from pg_scheduler.client.comparison import compare

        self._loader.register_trusted()
        await self.open()
        try:
            self._loader.load(await self.driver.insight.pending_names())
        except SchemaError:
            pass  # the comparison says so
        if self.periodic_jobs_enabled:
            self.schedules.adopt_decorated()
        wanted, now = self.schedules.wanted(), self.clock.pinned()
        return await compare(self.driver, self._registry, self.codec, wanted, now, elsewhere=elsewhere)

    def find_task(self, name: str) -> bool:
        """True if this process can run jobs of this name; looks it up as `load_task_functions` does."""
        if self._registry.resolve(name) is None:
            self._loader.find(name)
        return self._registry.resolve(name) is not None

    def queue_of(self, task: str) -> str | None:
        """Where jobs of this task or entrypoint wait that were given no queue; None if it is unknown here."""
        known = self._registry.resolve(task)
        return None if known is None else known.defaults.queue

    async def register_schedules(self) -> None:
        """Store the schedules of decorated functions; `start()` does it, and now and then thereafter."""
        if self.periodic_jobs_enabled:
            watch(self)
            self.schedules.adopt_decorated()
        await self.open()
        await self.schedules.note_records(await self.worker.services.registrar.register())

    def decorated(self) -> None:
        """A function has been decorated with @periodic, in whatever thread: it runs here from now on, too.
        `periodic` calls this."""
        self._loop_calls.call_soon(self._adopt_late)

    def _adopt_late(self) -> None:
        if self.is_running and self.periodic_jobs_enabled:
            self.schedules.adopt_decorated_late()

    def task_for(self, func: Callable[..., Any]) -> Task:
        """The task that a function is known as; it is registered if need be."""
        return self._registry.register(func)


def current_scheduler() -> Scheduler:
    """The scheduler whose job runs here; outside a job the bound one (`Scheduler.bound`), else the one that
    runs in this process.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    return cast(Scheduler, current_enqueues("current_scheduler()"))


def _job_of(job_row: ClaimedJob | Mapping[str, Any] | str) -> ClaimedJob | str:
    # The row of either library will do; asyncpg's is no Mapping.
    return job_row if isinstance(job_row, ClaimedJob | str) else job_row["job_id"]
