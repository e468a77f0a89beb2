"""The function style for Flask, Django and scripts: `Scheduler` without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Unpack, overload

from pg_scheduler.blocking.blocking_jobs import BlockingJobs
from pg_scheduler.client.current import bound
from pg_scheduler.client.enqueuer import Enqueuer
from pg_scheduler.client.job_factory import JobFactory, JobRequest, resolution
from pg_scheduler.client.keywords import CalledJobSettings, CallOptions, ScheduleSettings
from pg_scheduler.client.schedule_book import ScheduleBook
from pg_scheduler.client.schedule_request import ScheduleFactory, schedule_requested
from pg_scheduler.client.source import BlockingSource
from pg_scheduler.client.typed_call import Call, P
from pg_scheduler.domain.conflict import ConflictResolution, Submission, checked_conflict
from pg_scheduler.domain.inputs import checked_grace, checked_items, checked_positive
from pg_scheduler.domain.model import AttemptRecord
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.engine.executors.named import NamedExecutors
from pg_scheduler.engine.tasks.registry import TaskOptions, TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.scheduler import Scheduler


class SyncScheduler(BlockingJobs):
    """Schedules jobs and asks about them, with blocking calls; runs none.

    Args:
        source: a `psycopg.Connection`, a `psycopg_pool.ConnectionPool`, a DSN, or in tests a `MemoryDriver`.
            On a connection of yours jobs are stored in your transaction: workers see them once you commit.
            The tables are made on first use, but never within a transaction of yours.
        schema: where the tables live; None means the first schema of the connection's search path.
        misfire_grace_time: whole seconds, as of `Scheduler`.
        codec: replaces JSON.
        clock: what the time is, in tests; `wait` sleeps by the machine's time all the same.

    Every method means what the one of `Scheduler` means. Threads may share an instance: on one connection
    they take turns. One that was made from a DSN may also be used after a fork.

    Raises:
        InvalidInput: `source` is something else.
        MissingDependency: psycopg is not installed.
    """

    def __init__(
        self,
        source: BlockingSource,
        *,
        schema: str | None = None,
        misfire_grace_time: int | None = 300,
        codec: Codec | None = None,
        clock: Clock | None = None,
    ) -> None:
        grace = checked_grace("misfire_grace_time", misfire_grace_time)
        super().__init__(source, schema=schema, codec=codec, clock=clock)
        self._registry = TaskRegistry()
        self._jobs = JobFactory(
            self._registry, self._client.codec, self._client.clock, lambda: grace, NamedExecutors({}).names
        )
        schedules = ScheduleFactory(self._registry, self._client.codec, lambda: grace)
        self._schedules = ScheduleBook(self._client, self._registry, schedules)

    def as_scheduler(self) -> Scheduler:
        """A scheduler over the same store that knows every function that was scheduled here. For tests, which
        drain it: started it would block its event loop, unless the store is in memory."""
        scheduler = Scheduler(self.driver, clock=self._clock, codec=self._client.codec)
        for task in self._registry:
            options = TaskOptions(task.name, task.executor, task.timeout, task.retry, task.limits)
            scheduler.register_task(task.func, options)
        return scheduler

    def using(self, **options: Unpack[CallOptions]) -> Enqueuer:
        """One whose `enqueue_sync` stores calls with options: ``using(delay=60).enqueue_sync(send, "Ada")``.
        A task's verb does the same: ``send.using(scheduler=scheduler).enqueue_sync("Ada")``."""
        return Enqueuer(jobs=self._jobs, client=self._client, run_now=self._run, options=options)

    @overload
    def enqueue(self, func: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> str: ...

    @overload
    def enqueue(self, func: str, /, *args: Any, **kwargs: Any) -> str: ...

    def enqueue(self, func: Callable[..., Any] | str, /, *args: Any, **kwargs: Any) -> str:
        """Store the call ``func(*args, **kwargs)`` as a job that is due now, as `Scheduler.enqueue`."""
        return str(self.using().enqueue_sync(func, *args, **kwargs))

    def enqueue_many(self, calls: Iterable[Call[Any]]) -> list[str]:
        """Store many calls, ``call(func, ...)`` each, in one transaction; their ids. As
        `Scheduler.enqueue_many`."""
        return [str(job) for job in self._run(self.using().enqueue_many(calls))]

    def bound(self) -> AbstractContextManager[None]:
        """Within ``with scheduler.bound():`` the blocking verb of a task, ``send.enqueue_sync(...)``, means
        this scheduler, in the whole process."""
        return bound(self)

    def schedule(
        self,
        func: Callable[..., Any] | str,
        *,
        execution_time: datetime | Unset = UNSET,
        conflict_resolution: ConflictResolution = ConflictResolution.RAISE,
        connection: Any = None,
        **options: Unpack[CalledJobSettings],
    ) -> str:
        """Store a job that runs `func` at `execution_time`; its id. The options are those of
        `Scheduler.schedule`."""
        request = JobRequest(func, execution_time, **options)
        conflict = resolution(conflict_resolution, request.deduplicate)
        stored = self._run(self._client.store([self._jobs.build(request)], conflict, connection=connection))
        job_id: str = stored[0].job_id
        return job_id

    def schedule_bulk(
        self,
        jobs: Iterable[JobRequest],
        *,
        conflict_resolution: ConflictResolution = ConflictResolution.IGNORE,
        batch_size: int = 1000,
        connection: Any = None,
    ) -> list[str | None]:
        """Store many jobs in one transaction; their ids, None where the id was taken already (IGNORE)."""
        conflict = checked_conflict(conflict_resolution)
        rows = checked_positive("batch_size", batch_size)
        built = self._jobs.build_all(checked_items("jobs", jobs, JobRequest, "JobSpec"))
        stored = self._run(self._client.store(built, conflict, connection=connection, batch_size=rows))
        return [None if one.answer is Submission.IGNORED else one.job_id for one in stored]

    def add_schedule(
        self,
        task: Callable[..., Any] | str,
        *,
        connection: Any = None,
        **settings: Unpack[ScheduleSettings],
    ) -> str:
        """Store a schedule that runs until it is removed; its key. As `Scheduler.add_schedule`."""
        key: str = self._run(self._schedules.add(schedule_requested(task, settings), connection))
        return key

    def remove_schedule(self, key: str) -> bool:
        """Forget a schedule; False if there was none. Jobs it made stay."""
        removed: bool = self._run(self._schedules.remove(key))
        return removed

    def attempts(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first, with their tracebacks."""
        found: list[AttemptRecord] = self._run(self._client.attempts(job_id))
        return found

    def initialize_db(self) -> None:
        """Create, upgrade or heal the tables."""
        self._run(self._client.opening.install())
