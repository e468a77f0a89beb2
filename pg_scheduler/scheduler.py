"""The scheduler: function style over the engine."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar, cast

from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.client.job_factory import JobFactory
from pg_scheduler.client.schedule_book import ScheduleBook
from pg_scheduler.client.schedule_request import ScheduleFactory
from pg_scheduler.client.submit_batcher import SubmitBatcher
from pg_scheduler.db import driver_over
from pg_scheduler.domain.inputs import (
    checked_grace,
    checked_instance,
    checked_items,
    checked_positive,
    checked_seconds,
)
from pg_scheduler.domain.retention import VacuumConfig
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.composition import Surroundings
from pg_scheduler.engine.events import Event
from pg_scheduler.engine.executors import AsyncExecutor, ProcessExecutor, ThreadExecutor
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.engine.tasks.checks import checked_executors, given_or_default
from pg_scheduler.engine.tasks.registry import Task, TaskMap, TaskOptions, TaskRegistry
from pg_scheduler.engine.tasks.task_loader import Loaded, TaskLoader
from pg_scheduler.engine.worker import Worker
from pg_scheduler.engine.worker_settings import WorkerSettings
from pg_scheduler.engine_methods import EngineMethods
from pg_scheduler.job_methods import JobMethods
from pg_scheduler.polling import PollingConfig
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.observer import Observer
from pg_scheduler.process.environment import settings_from
from pg_scheduler.process.signals import run_until_signalled
from pg_scheduler.schedule_methods import ScheduleMethods
from pg_scheduler.vacuum_methods import VacuumMethods

log = logging.getLogger(__name__)


class Scheduler(JobMethods, ScheduleMethods, VacuumMethods, EngineMethods):
    """Schedules jobs, and runs them once started.

    Args:
        db_pool: an asyncpg or psycopg pool or connection, a DSN, or any Driver.
        max_concurrent_jobs: how many jobs run here at once.
        misfire_grace_time: whole seconds after its execution time before a job that never started expires;
            None means never. Each job may say otherwise. 0 means it must start on time (within a second).
        vacuum_config: how long finished jobs are kept.
        vacuum_enabled: whether finished jobs are deleted at all.
        batch_claim_limit: how many jobs one claim takes at most; above 1,000 it is several claims.
        polling_config: how an idle worker looks for work.
        schema: where the tables live; None means the first schema of the connection's search path.
        library: "asyncpg" or "psycopg" for a DSN; by default asyncpg where it is installed.
        retry_policy: delays between attempts: 60, 120, 240, 300, 300, ... seconds by default.
        max_crashes: a job whose worker died this many times under it ends failed.
        task_modules: modules whose functions may be looked up (and imported) by the name in a row.
        executors: further executors by name, beside "async", "thread" and "process".
        codec, clock: replace JSON, or time.
        observers: told what the engine does.
        periodic_jobs_enabled: whether this scheduler runs the functions decorated with @periodic.

    Raises:
        InvalidInput: an argument that cannot be.
    """

    HEARTBEAT_THRESHOLD: ClassVar[float] = 120
    """Seconds after which a running row that has no lease is given up."""
    LEASE_DURATION: ClassVar[float] = 60
    """Seconds a worker may be silent before its jobs are taken back."""
    WORKER_ID_LENGTH: ClassVar[int] = 8

    def __init__(
        self,
        db_pool: Any,
        max_concurrent_jobs: int = 25,
        misfire_grace_time: int | None = 300,
        vacuum_config: VacuumConfig | None = None,
        vacuum_enabled: bool = True,
        batch_claim_limit: int = 10,
        polling_config: PollingConfig | None = None,
        *,
        schema: str | None = None,
        library: str | None = None,
        retry_policy: RetryPolicy | None = None,
        max_crashes: int = 5,
        task_modules: Sequence[str] = (),
        executors: Mapping[str, Executor] | None = None,
        codec: Codec | None = None,
        clock: Clock | None = None,
        observers: Sequence[Observer] = (),
        periodic_jobs_enabled: bool = True,
    ) -> None:
        self.db_pool = db_pool
        self.driver: Driver = driver_over(db_pool, library=library, schema=schema)
        self.max_concurrent_jobs = checked_positive("max_concurrent_jobs", max_concurrent_jobs)
        self.misfire_grace_time = checked_grace("misfire_grace_time", misfire_grace_time)
        self.vacuum_config = given_or_default("vacuum_config", vacuum_config, VacuumConfig)
        self.vacuum_enabled = checked_instance("vacuum_enabled", vacuum_enabled, bool)
        self.batch_claim_limit = checked_positive("batch_claim_limit", batch_claim_limit)
        self.polling_config = given_or_default("polling_config", polling_config, PollingConfig)
        self.clock: Clock = clock or SystemClock()
        self.codec: Codec = codec or JsonCodec()
        self.ends = CompletionWaiter(self.driver.signals, self.clock)
        self.is_running = False
        self.is_shutting_down = False
        self._executors: dict[str, Executor] = {
            "async": AsyncExecutor(),
            "thread": ThreadExecutor(max_concurrent_jobs),
            "process": ProcessExecutor(),
            **checked_executors(executors),
        }
        self._registry = TaskRegistry(lambda: self._worker.services.events.emit(Event.TASKS_CHANGED))
        self._loader = TaskLoader(
            self._registry, checked_items("task_modules", task_modules, str, "module name")
        )
        self._factory = JobFactory(
            self._registry,
            self.codec,
            self.clock,
            lambda: self.misfire_grace_time,
            lambda: self._executors,
        )
        self._bundler = SubmitBatcher(self.driver, self.clock)
        self.task_map = TaskMap(self._registry)
        self.periodic_jobs_enabled = checked_instance("periodic_jobs_enabled", periodic_jobs_enabled, bool)
        self.schedules = ScheduleBook(
            self.driver,
            self.clock,
            self._registry,
            ScheduleFactory(self._registry, self.codec, lambda: self.misfire_grace_time),
            self.open,
        )
        self._settings = WorkerSettings(
            capacity=self.max_concurrent_jobs,
            batch_limit=self.batch_claim_limit,
            lease=checked_seconds("LEASE_DURATION", self.LEASE_DURATION),
            heartbeat_threshold=checked_seconds("HEARTBEAT_THRESHOLD", self.HEARTBEAT_THRESHOLD),
            max_crashes=checked_positive("max_crashes", max_crashes),
            retry=given_or_default("retry_policy", retry_policy, RetryPolicy),
            polling=self.polling_config,
            worker_id_length=checked_positive("WORKER_ID_LENGTH", self.WORKER_ID_LENGTH),
            retention=self.vacuum_config.policies(),
            retention_interval=self.vacuum_config.interval_minutes * 60.0,
            track_retention=self.vacuum_config.track_metrics,
            prune=self.vacuum_enabled,
        )
        self._observers = cast(list[Observer], checked_items("observers", observers, object, "observer"))
        self._worker = self._new_worker()
        self.schedules.on_adopted = lambda: self._worker.services.registrar.poke()
        self._opening = asyncio.Lock()
        self._changing = asyncio.Lock()

    def _new_worker(self) -> Worker:
        return Worker(
            Surroundings(
                driver=self.driver,
                clock=self.clock,
                codec=self.codec,
                registry=self._registry,
                executors=self._executors,
                settings=self._settings,
                schedules=self.schedules.wanted,
                try_import=self._loader.load,
                observers=self._observers,
            )
        )

    # --- ways to make one

    @classmethod
    def connect(cls, dsn: str, **options: Any) -> Scheduler:
        """A scheduler over connections of its own: ``async with Scheduler.connect(dsn) as scheduler``.

        Options are those of the constructor. Entering the block starts it, leaving shuts it down.
        """
        return cls(dsn, **options)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, **options: Any) -> Scheduler:
        """A scheduler as the environment says: DATABASE_URL, MAX_CONCURRENT_JOBS, MISFIRE_GRACE_TIME,
        VACUUM_ENABLED. `options` win.

        Raises:
            ConfigurationError: a variable is missing or cannot be read.
        """
        return cls(**{**settings_from(os.environ if environment is None else environment), **options})

    # --- life

    @property
    def worker(self) -> Worker:
        """The engine of the current (or next) run."""
        return self._worker

    @property
    def worker_id(self) -> str:
        """Identity of the current (or next) run; a restart gets a new one."""
        return self._worker.worker_id

    @property
    def lease(self) -> timedelta:
        """How long this worker may be silent before its jobs are taken back."""
        return self._settings.lease

    @property
    def active_jobs(self) -> set[str]:
        """Ids of the jobs that run here now."""
        return {attempt.job.job_id for attempt in self._worker.services.active.attempts()}

    @property
    def active_tasks(self) -> set[asyncio.Task[None]]:
        """The asyncio tasks that run them."""
        return {attempt.task for attempt in self._worker.services.active.attempts() if attempt.task}

    def reconfigure(
        self,
        *,
        max_concurrent_jobs: int | None = None,
        batch_claim_limit: int | None = None,
        polling_config: PollingConfig | None = None,
        lease: timedelta | float | None = None,
        only: Iterable[str] | None = None,
    ) -> None:
        """Change settings before the start; those left out stay.

        Args:
            lease: how long this worker may be silent before its jobs are taken back.
            only: names of the tasks whose jobs this worker runs; others are left to other workers.

        Raises:
            RuntimeError: it runs.
            InvalidInput: a setting that cannot be.
        """
        if self.is_running:
            raise RuntimeError("reconfigure() comes before start(): shut down first")
        if max_concurrent_jobs is not None:
            self.max_concurrent_jobs = checked_positive("max_concurrent_jobs", max_concurrent_jobs)
        if batch_claim_limit is not None:
            self.batch_claim_limit = checked_positive("batch_claim_limit", batch_claim_limit)
        self.polling_config = given_or_default(
            "polling_config", polling_config or self.polling_config, PollingConfig
        )
        names = None if only is None else frozenset(checked_items("only", only, str, "name"))
        self._settings = replace(
            self._settings,
            capacity=self.max_concurrent_jobs,
            batch_limit=self.batch_claim_limit,
            polling=self.polling_config,
            lease=self._settings.lease if lease is None else checked_seconds("lease", lease),
            only=self._settings.only if names is None else names,
        )
        if isinstance(self._executors["thread"], ThreadExecutor):
            self._executors["thread"] = ThreadExecutor(self.max_concurrent_jobs)
        self._worker = self._new_worker()

    async def open(self) -> None:
        """Connect without starting to run jobs; `schedule` does it by itself. Idempotent."""
        async with self._opening:
            await self.driver.open()

    async def initialize_db(self) -> None:
        """Create, upgrade or heal the tables. Safe at any time, from any number of processes."""
        await self.open()
        await self.driver.schema.install()

    async def start(self) -> None:
        """Install the schema, take back lost jobs and start running due ones. Idempotent; while a shutdown is
        under way, it starts after that."""
        async with self._changing:
            if self.is_running:
                return
            await self.initialize_db()
            await self.load_task_functions()
            if self._worker.stopped:
                self._worker = self._new_worker()
            await self._worker.services.reclaimer.reclaim_once()
            await self._worker.services.limits.keep()
            await self.register_schedules()
            self._worker.start()
            self.is_running = True

    async def shutdown(self, timeout: float | None = 30) -> None:
        """Stop: no new jobs; running ones get `timeout` seconds (None: as long as they need), then they are
        cancelled and released, claimable at once by others. Idempotent, and legal before `start`.

        A call with a shorter timeout while another waits hastens it, and so does cancelling the wait: the
        jobs are released before the cancellation goes on.
        """
        if self.is_shutting_down:
            await self._worker.stop(timeout)
        async with self._changing:
            self.is_shutting_down = True
            try:
                await self.schedules.changes_done()
                await self._worker.stop(timeout)
            finally:
                try:
                    await self.ends.close()
                    await self._close_executors()
                    await self.driver.close()
                finally:
                    self.is_running = self.is_shutting_down = False

    def add_observer(self, observer: Observer) -> None:
        """Tell one more observer what the engine does, from the next start on.

        Raises:
            RuntimeError: it runs.
        """
        if self.is_running:
            raise RuntimeError("add_observer() comes before start()")
        self._observers.append(observer)
        self._worker = self._new_worker()

    async def _close_executors(self) -> None:
        of_tasks = {task.name: task.executor for task in self._registry if not isinstance(task.executor, str)}
        for name, executor in [*self._executors.items(), *of_tasks.items()]:
            try:
                await executor.close()
            except Exception:
                log.exception("an executor did not close", extra={"executor": name})

    async def run(self, shutdown_timeout: float | None = 30) -> None:
        """Start, run until SIGTERM or SIGINT, shut down. A second signal releases what still runs."""
        await run_until_signalled(self.start, self.shutdown, shutdown_timeout)

    async def __aenter__(self) -> Scheduler:
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

    # --- tasks

    def register(
        self,
        func: Callable[..., Any],
        *,
        name: str | None = None,
        executor: str | Executor | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy | None = None,
    ) -> Callable[..., Any]:
        """Make a function known to this worker, so that it runs jobs that others scheduled; returns it.

        The arguments are those of `@task`, and win over it.

        Raises:
            NotAsyncFunction, TaskNameConflict, InvalidInput: as `schedule`.
        """
        options = TaskOptions(name, executor, timeout, retry)  # type: ignore[arg-type]
        self._registry.register(func, options)
        return func

    def register_task(self, func: Callable[..., Any], options: TaskOptions) -> None:
        """As `register`, with everything that a task can be told. For the queue side."""
        self._registry.register(func, options)

    async def load_task_functions(self) -> Loaded:
        """Look up the functions of pending jobs in `task_modules` and the main module; what was found and
        what was not. Jobs of unknown tasks stay pending."""
        await self.open()
        return self._loader.load(await self.driver.insight.pending_names())

    def find_task(self, name: str) -> bool:
        """True if this process can run jobs of this name; looks it up as `load_task_functions` does."""
        if self._registry.resolve(name) is None:
            self._loader.find(name)
        return self._registry.resolve(name) is not None

    async def register_schedules(self) -> None:
        """Store the schedules of decorated functions; `start()` does it, and now and then thereafter."""
        if self.periodic_jobs_enabled:
            self.schedules.adopt_decorated()
        await self.open()
        await self.schedules.note_records(await self._worker.services.registrar.register())

    def task_for(self, func: Callable[..., Any]) -> Task:
        """The task that a function is known as; it is registered if need be."""
        return self._registry.register(func)
