"""The entrypoint style's client for Flask, Django and scripts: `Queries` without an event loop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.blocking.blocking_jobs import BlockingJobs
from pg_scheduler.client.source import BlockingSource
from pg_scheduler.domain.model import AttemptRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.limit_store import PausedQueue, QueueLimits
from pg_scheduler.queries import OnDuplicate, Queries, QueueStatistics


class SyncQueries(BlockingJobs):
    """Enqueues jobs and asks about them, with blocking calls.

    Args:
        source: a `psycopg.Connection`, a `psycopg_pool.ConnectionPool`, a DSN, or in tests a `MemoryDriver`.
            On a connection of yours jobs are stored in your transaction: workers see them once you commit.
            The tables are made on first use, but never within a transaction of yours.
        schema: where the tables live; None means the first schema of the connection's search path.
        clock: what the time is, in tests; `wait` sleeps by the machine's time all the same.

    Every method means what the one of `Queries` means. Threads may share an instance: on one connection
    they take turns. One that was made from a DSN may also be used after a fork.

    Raises:
        InvalidInput: `source` is something else.
        MissingDependency: psycopg is not installed.
    """

    def __init__(
        self, source: BlockingSource, *, schema: str | None = None, clock: Clock | None = None
    ) -> None:
        super().__init__(source, schema=schema, clock=clock)
        self._queries = Queries(self._client)

    def enqueue(
        self,
        entrypoint: str | Sequence[str],
        payload: bytes | Sequence[bytes | None] | None = None,
        priority: int | Sequence[int] = 0,
        execute_after: timedelta | datetime | Sequence[timedelta | datetime | None] | None = None,
        *,
        dedupe_key: str | Sequence[str | None] | None = None,
        headers: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
        limit_key: str | Sequence[str | None] | None = None,
        max_retries: int = 0,
        timeout: timedelta | float | None = None,
        store_result: bool = False,
        queue: str | Sequence[str | None] | None = None,
        on_duplicate: OnDuplicate = "raise",
        connection: Any = None,
    ) -> list[str]:
        """Store jobs; their ids."""
        handles = self._run(
            self._queries.enqueue(
                entrypoint,
                payload,
                priority,
                execute_after,
                dedupe_key=dedupe_key,
                headers=headers,
                limit_key=limit_key,
                queue=queue,
                max_retries=max_retries,
                timeout=timeout,
                store_result=store_result,
                on_duplicate=on_duplicate,
                connection=connection,
            )
        )
        return [str(handle) for handle in handles]

    def mark_job_as_cancelled(
        self, job_ids: str | Sequence[str], *, connection: Any = None
    ) -> list[CancelAnswer]:
        """`cancel` under its documented name."""
        return self.cancel(job_ids, connection=connection)

    def retry_job(self, job_id: str) -> None:
        """Make a job pending again."""
        self._run(self._queries.retry_job(job_id))

    def clear_queue(self, entrypoint: str | Iterable[str] | None = None) -> int:
        """Cancel every queued job of these entrypoints."""
        cleared: int = self._run(self._queries.clear_queue(entrypoint))
        return cleared

    def pause_task(self, task: str) -> bool:
        """No worker claims jobs of this entrypoint or task until it is resumed."""
        changed: bool = self._run(self._queries.pause_task(task))
        return changed

    def resume_task(self, task: str) -> bool:
        """The opposite."""
        changed: bool = self._run(self._queries.resume_task(task))
        return changed

    def pause_queue(self, queue: str) -> bool:
        """No worker claims jobs that wait in this queue until it is resumed."""
        changed: bool = self._run(self._queries.pause_queue(queue))
        return changed

    def resume_queue(self, queue: str) -> bool:
        """The opposite."""
        changed: bool = self._run(self._queries.resume_queue(queue))
        return changed

    def paused_queues(self) -> list[PausedQueue]:
        """Every queue that is paused, and since when; by name."""
        found: list[PausedQueue] = self._run(self._queries.paused_queues())
        return found

    def limit_queue(
        self,
        queue: str,
        *,
        concurrency_limit: int | None = None,
        requests_per_second: float | None = None,
    ) -> bool:
        """Limit the jobs of a queue, all its tasks together; a limit that is left out ends."""
        changed: bool = self._run(
            self._queries.limit_queue(
                queue, concurrency_limit=concurrency_limit, requests_per_second=requests_per_second
            )
        )
        return changed

    def queue_limits(self) -> list[QueueLimits]:
        """Every queue that has limits, and since when; by name."""
        found: list[QueueLimits] = self._run(self._queries.queue_limits())
        return found

    def queue_size(self) -> list[QueueStatistics]:
        """Unfinished jobs by entrypoint, priority and status."""
        found: list[QueueStatistics] = self._run(self._queries.queue_size())
        return found

    def job_status(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """The statuses of those jobs that are stored, by id."""
        found: dict[str, JobStatus] = self._run(self._queries.job_status(job_ids))
        return found

    def log(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it."""
        found: list[AttemptRecord] = self._run(self._queries.log(job_id))
        return found

    def install(self) -> None:
        """Create or upgrade the tables."""
        self._run(self._queries.install())
