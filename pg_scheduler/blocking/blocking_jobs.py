"""What both blocking styles offer for stored jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, Unpack, overload

from pg_scheduler.client.blocking import blocking_client
from pg_scheduler.client.job_choice import FilterOptions, chosen_jobs
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.client.source import BlockingSource
from pg_scheduler.client.waiting_for_many import wait_all
from pg_scheduler.db import sync_driver_over
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WishAnswer, WorkerRecord, WorkerWish
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer

if TYPE_CHECKING:
    from pg_scheduler.domain.why import Reason


class BlockingJobs:
    """Jobs of one store, by blocking calls."""

    def __init__(
        self,
        source: BlockingSource,
        *,
        schema: str | None,
        codec: Codec | None = None,
        clock: Clock | None = None,
    ) -> None:
        driver = sync_driver_over(source, schema=schema)
        self._run = driver.run_now
        self._clock = clock
        self._client = blocking_client(driver, codec, clock)

    @property
    def driver(self) -> Driver:
        """The store."""
        return self._client.driver

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

    def wait(self, job_id: str, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with. It looks ever more rarely, down to once a
        second; in a transaction of yours that has not committed the job, it would wait for ever.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds).
            JobNotFound: the job is gone.
        """
        status: JobStatus = self._run(self._client.wait(job_id, timeout))
        return status

    def wait_all(
        self,
        job_ids: Iterable[str],
        timeout: timedelta | float | None = None,
        on_progress: Callable[[int, int], object] | None = None,
    ) -> list[JobStatus]:
        """Wait until all jobs have ended; the statuses they ended with, in their order.

        Args:
            on_progress: called with how many have ended, and how many there are: at first with 0, then
                whenever more have.

        Raises:
            WaitTimeout: some have not ended within `timeout` (timedelta or seconds).
            JobNotFound: one of them is gone.
        """
        handles = [self._client.handle(job_id) for job_id in job_ids]
        statuses: list[JobStatus] = self._run(wait_all(handles, timeout, on_progress))
        return statuses

    def result(self, job_id: str, timeout: timedelta | float | None = None) -> Any:
        """Wait, and return what the function returned, if the job was stored with ``store_result=True``.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        return self._run(self._client.result(job_id, timeout))

    def why(self, job_id: str) -> tuple[Reason, ...]:
        """Why a job does not run, or what became of it; what holds it first comes first."""
        reasons: tuple[Reason, ...] = self._run(self._client.why(job_id))
        return reasons

    def workers(self) -> list[WorkerRecord]:
        """The workers that have shown a sign of life and not said goodbye, by id."""
        found: list[WorkerRecord] = self._run(self._client.workers())
        return found

    def quiet_worker(self, worker_id: str) -> WishAnswer:
        """Let a worker claim no more; what runs there goes on."""
        return self._ask_worker(worker_id, WorkerWish.QUIET)

    def resume_worker(self, worker_id: str) -> WishAnswer:
        """Let a quiet worker claim again."""
        return self._ask_worker(worker_id, WorkerWish.WORK)

    def stop_worker(self, worker_id: str) -> WishAnswer:
        """Let a worker shut down, as at SIGTERM."""
        return self._ask_worker(worker_id, WorkerWish.STOP)

    def _ask_worker(self, worker_id: str, wish: WorkerWish) -> WishAnswer:
        answer: WishAnswer = self._run(self._client.ask_worker(worker_id, wish))
        return answer

    def close(self) -> None:
        """Close a connection that was made from a DSN; yours stays open."""
        self._run(self._client.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
