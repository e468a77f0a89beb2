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
from pg_scheduler.queries import OnDuplicate, QueueStatistics


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
