"""The function style for Flask, Django and scripts: `Scheduler` without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Self, Unpack, overload

from pg_scheduler.client.blocking import blocking_client
from pg_scheduler.client.enqueuer import Enqueuer
from pg_scheduler.client.job_choice import FilterOptions, chosen_jobs
from pg_scheduler.client.job_factory import JobFactory, JobRequest, resolution
from pg_scheduler.client.keywords import CalledJobSettings, CallOptions
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.client.source import BlockingSource
from pg_scheduler.db import sync_driver_over
from pg_scheduler.domain.conflict import ConflictResolution, Submission, checked_conflict
from pg_scheduler.domain.inputs import checked_grace, checked_items, checked_positive
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.unset import UNSET, Unset
from pg_scheduler.engine.executors.named import NamedExecutors
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.job_store import CancelAnswer


class SyncScheduler:
    """Schedules jobs and asks about them, with blocking calls; runs none.

    Args:
        source: a `psycopg.Connection`, a `psycopg_pool.ConnectionPool` or a DSN. On a connection of yours
            jobs are stored in your transaction: workers see them once you commit. The tables are made on
            first use, in that transaction too.
        schema: where the tables live; None means the first schema of the connection's search path.
        misfire_grace_time: whole seconds, as of `Scheduler`.
        codec: replaces JSON.

    Every method means what the one of `Scheduler` means. Use one instance per connection; threads that share
    a pool may share an instance.

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
    ) -> None:
        grace = checked_grace("misfire_grace_time", misfire_grace_time)
        driver = sync_driver_over(source, schema=schema)
        self._run = driver.run_now
        self._client = blocking_client(driver, codec)
        self._jobs = JobFactory(
            TaskRegistry(), self._client.codec, self._client.clock, lambda: grace, NamedExecutors({}).names
        )

    def using(self, **options: Unpack[CallOptions]) -> Enqueuer:
        """One whose `enqueue_sync` stores calls with options: ``using(delay=60).enqueue_sync(send, "Ada")``.
        A task's verb does the same: ``send.using(scheduler=scheduler).enqueue_sync("Ada")``."""
        return Enqueuer(jobs=self._jobs, client=self._client, run_now=self._run, options=options)

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

    def cancel_job(self, job_id: str, *, connection: Any = None) -> bool:
        """Cancel one job. False if it had ended, or does not exist."""
        done: bool = self._run(self._client.cancel_job(job_id, connection=connection))
        return done

    @overload
    def cancel(self, job_ids: str | Iterable[str], *, connection: Any = None) -> list[CancelAnswer]: ...

    @overload
    def cancel(self, **options: Unpack[FilterOptions]) -> int: ...

    def cancel(
        self,
        job_ids: str | Iterable[str] | None = None,
        *,
        connection: Any = None,
        **options: Unpack[FilterOptions],
    ) -> list[CancelAnswer] | int:
        """Cancel jobs; what each id met, in order, or how many a filter met."""
        chosen = chosen_jobs(job_ids, options)
        answers: list[CancelAnswer] | int = self._run(self._client.cancel(chosen, connection=connection))
        return answers

    @overload
    def retry(self, job_ids: str | Iterable[str]) -> list[RetryAnswer]: ...

    @overload
    def retry(self, **options: Unpack[FilterOptions]) -> int: ...

    def retry(
        self, job_ids: str | Iterable[str] | None = None, **options: Unpack[FilterOptions]
    ) -> list[RetryAnswer] | int:
        """Run jobs that have ended once more; what each id met, in order, or how many a filter met."""
        answers: list[RetryAnswer] | int = self._run(self._client.retry(chosen_jobs(job_ids, options)))
        return answers

    def job(self, job_id: str) -> JobRecord | None:
        """One job as it is stored, or None."""
        found: JobRecord | None = self._run(self._client.job(job_id))
        return found

    def jobs(self, *, limit: int = 100, **options: Unpack[FilterOptions]) -> list[JobRecord]:
        """Stored jobs, newest first."""
        found: list[JobRecord] = self._run(self._client.jobs(limit=limit, **options))
        return found

    def attempts(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first, with their tracebacks."""
        found: list[AttemptRecord] = self._run(self._client.attempts(job_id))
        return found

    def wait(self, job_id: str, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with. It looks ever more rarely, down to once a
        second; in a transaction of yours that has not committed the job, it would wait for ever.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds).
            JobNotFound: the job is gone.
        """
        status: JobStatus = self._run(self._client.wait(job_id, timeout))
        return status

    def result(self, job_id: str, timeout: timedelta | float | None = None) -> Any:
        """Wait, and return what the function returned, if the job was scheduled with ``store_result=True``.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        return self._run(self._client.result(job_id, timeout))

    def initialize_db(self) -> None:
        """Create, upgrade or heal the tables."""
        self._run(self._client.opening.install())

    def close(self) -> None:
        """Close a connection that was made from a DSN; yours stays open."""
        self._run(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
