"""The entrypoint style's client: enqueue, cancel, ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Self, TypeAlias, get_args

from pg_scheduler.client.enqueue_request import EnqueueRequest, batch_of
from pg_scheduler.client.job_choice import checked_ids
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.job_verbs import JobVerbs
from pg_scheduler.client.opening import InstallingOpening
from pg_scheduler.client.operator_verbs import OperatorVerbs
from pg_scheduler.client.source import Library, Source
from pg_scheduler.client.submit_batcher import SubmitBatcher
from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_items
from pg_scheduler.domain.model import AttemptRecord
from pg_scheduler.domain.priority import priority_of_rank
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.limit_store import LimitRecord
from pg_scheduler.scheduler import Scheduler

OnDuplicate: TypeAlias = Literal["raise", "ignore"]
ON_DUPLICATE: tuple[OnDuplicate, ...] = get_args(OnDuplicate)


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """Unfinished jobs of one entrypoint, priority and status."""

    entrypoint: str
    priority: int
    status: JobStatus
    count: int


class Queries(JobVerbs, OperatorVerbs):
    """Enqueues jobs and asks about them; runs none.

    Args:
        source: an asyncpg or psycopg pool or connection, a DSN, a Driver; or a `Scheduler` whose client it
            shares. The tables are made on first use. Or a `JobClient`, which is used as it is.
        schema: where the tables live; None means the first schema of the connection's search path.
        library: "asyncpg" or "psycopg" for a DSN; by default asyncpg where it is installed.
        read_dsn: where questions go, for example a replica. Whatever changes something, handles and `why`
            stay with `source`.

    Raises:
        InvalidInput: `source` is something else, or brings its own schema.
    """

    def __init__(
        self,
        source: Source | Scheduler | JobClient,
        *,
        schema: str | None = None,
        library: Library | None = None,
        read_dsn: Source | None = None,
    ) -> None:
        client, self._owned = _client_of(source, schema, library, read_dsn)
        self.client: JobClient = client
        self._known = source if isinstance(source, Scheduler) else None
        """Who may know the entrypoints."""

    @property
    def driver(self) -> Driver:
        """The store."""
        return self.client.driver

    # --- life

    async def open(self) -> None:
        """Connect, and make the tables where there are none. Every other method does it by itself."""
        await self.client.open()

    async def close(self) -> None:
        """Close what `open` made; a connection of yours, and what a scheduler shares, stays open."""
        if self._owned:
            await self.client.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.close()

    async def install(self) -> None:
        """Create or upgrade the tables."""
        await self.client.opening.install()

    async def uninstall(self) -> None:
        """Drop the tables, with every job."""
        await self.client.opening.uninstall()

    # --- enqueue

    async def enqueue(
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
    ) -> list[JobHandle]:
        """Store jobs for an entrypoint; their ids, in order, also for a single one.

        With a list of entrypoints, or of payloads, it is a batch: every list must be as long, and whatever is
        no list holds for all. A batch is stored as a whole or, if this raises, not at all.

        Args:
            entrypoint: the name. It need not be known here: whoever knows it runs the job.
            payload: what the function gets as `job.payload`.
            priority: higher runs first; from -2147483642 to 2147483652.
            execute_after: a delay, counted by the database's clock, or an aware datetime; now by default.
            dedupe_key: no other unfinished job may have it.
            headers: a JSON object that travels with the payload.
            limit_key: whose share of the entrypoint's limits it takes.
            max_retries: how often it is tried again, if that is more than its entrypoint says.
            timeout: longest time of one attempt.
            store_result: keep what the function returns, for ``await handle.result()``.
            queue: where it waits: workers that serve this queue run it. Left out, what its entrypoint says,
                where that is known here; else "default".
            on_duplicate: "raise", or "ignore": the id of the job that has the dedupe key is returned.
            connection: your connection; the jobs become visible, and workers are woken, when its transaction
                commits.

        Raises:
            DuplicateJob: a ValueError; an unfinished job has the dedupe key, or it stands twice in the batch.
            InvalidInput: an argument is invalid; nothing was sent.
        """
        if on_duplicate not in ON_DUPLICATE:
            raise InvalidInput("on_duplicate", f"expected 'raise' or 'ignore', got {shown(on_duplicate)}")
        request = EnqueueRequest(
            entrypoint, payload, priority, execute_after, dedupe_key, headers, limit_key,
            max_retries, timeout, store_result, queue,
        )  # fmt: skip
        jobs = batch_of(request, self.client.clock, self._queue_of)
        conflict = ConflictResolution.RAISE if on_duplicate == "raise" else ConflictResolution.IGNORE
        stored = await self.client.store(jobs, conflict, connection=connection)
        return [JobHandle(one.job_id, self.client) for one in stored]

    def _queue_of(self, entrypoint: str) -> str:
        known = None if self._known is None else self._known.queue_of(entrypoint)
        return known or DEFAULT_QUEUE

    # --- change

    async def mark_job_as_cancelled(
        self, job_ids: str | Sequence[str], *, connection: Any = None
    ) -> list[CancelAnswer]:
        """`cancel` by ids, under its documented name."""
        return await self.client.cancel(checked_ids(job_ids), connection=connection)

    async def retry_job(self, job_id: str) -> None:
        """Make a job pending again and due now, with its counters at zero.

        Raises:
            JobNotFound: no such job.
            DuplicateJob: an unfinished job has its dedupe key.
        """
        await self.client.override_status(job_id, JobStatus.PENDING)

    async def clear_queue(self, entrypoint: str | Iterable[str] | None = None) -> int:
        """Cancel every queued job of these entrypoints (None: of all); how many."""
        return await self.client.cancel_pending(
            None if entrypoint is None else _names("entrypoint", entrypoint)
        )

    # --- ask

    async def queue_size(self) -> list[QueueStatistics]:
        """How many unfinished jobs there are, by entrypoint, priority and status."""
        counts = Counter[tuple[str, int, JobStatus]]()
        for size in await self.client.sizes():
            counts[size.task_name, size.rank, size.status] += size.count
        return [
            QueueStatistics(name, priority_of_rank(rank), status, count)
            for (name, rank, status), count in sorted(counts.items())
        ]

    async def limits(self) -> list[LimitRecord]:
        """The entrypoints that have limits or are paused."""
        return await self.client.limits()

    async def job_status(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """The statuses of those jobs that are stored, by id."""
        wanted = checked_items("job_ids", job_ids, str, "job id")
        return await self.client.statuses(wanted)

    async def log(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first, with their tracebacks."""
        return await self.client.attempts(job_id)

    async def log_statistics(self) -> dict[JobStatus, int]:
        """How many jobs are stored in each state."""
        return await self.client.counts()


def _client_of(
    source: object, schema: str | None, library: str | None, read_dsn: object
) -> tuple[JobClient, bool]:
    """The client to use, and whether it is the caller's to close."""
    if isinstance(source, JobClient | Scheduler):
        if schema is not None or library is not None or read_dsn is not None:
            raise InvalidInput("source", "brings its schema, library and read_dsn; leave them out")
        if isinstance(source, JobClient):
            return source, False
        return source.client.opened_by(InstallingOpening(source.driver)), False
    driver, clock = driver_over(source, schema=schema, library=library), SystemClock()
    opening, batcher = InstallingOpening(driver), SubmitBatcher(driver, clock)
    reader = None if read_dsn is None else driver_over(read_dsn, schema=schema, library=library)
    return JobClient(driver, clock, JsonCodec(), opening=opening, batcher=batcher, reader=reader), True


def _names(field: str, value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else checked_items(field, value, str, "name")
