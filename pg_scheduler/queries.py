"""The queue side's client: enqueue, cancel, ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.client.enqueue_request import EnqueueRequest, batch_of
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.submit_batcher import SubmitBatcher, can_share
from pg_scheduler.client.submit_retry import submit_with_retry
from pg_scheduler.db import driver_over
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_items
from pg_scheduler.domain.model import AttemptRecord, JobRecord, NewJob
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.system_clock import SystemClock
from pg_scheduler.models import priority_of_rank
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import QueueSize
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.ports.limit_store import LimitRecord
from pg_scheduler.scheduler import Scheduler

ON_DUPLICATE = ("raise", "ignore")


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """Unfinished jobs of one entrypoint, priority and status."""

    entrypoint: str
    priority: int
    status: JobStatus
    count: int


class Queries:
    """Enqueues jobs and asks about them; runs none.

    Args:
        source: an asyncpg or psycopg pool or connection, a DSN, a Driver; or a `Scheduler` whose driver it
            shares. The tables are made on first use.
    """

    def __init__(self, source: Any) -> None:
        if isinstance(source, Scheduler):
            self.driver: Driver = source.driver
            self.clock, self.codec, self.ends = source.clock, source.codec, source.ends
            self._bundler: SubmitBatcher | None = source._bundler
            self._shared = True
        else:
            self._shared = False
            self.driver = driver_over(source)
            self.clock, self.codec = SystemClock(), JsonCodec()
            self.ends = CompletionWaiter(self.driver.signals, self.clock)
            self._bundler = SubmitBatcher(self.driver, self.clock)
        self._opening: AbstractAsyncContextManager[object] | None = None
        self._installed = False

    # --- life

    async def open(self) -> None:
        """Connect, and make the tables where there are none. Every other method does it by itself."""
        if self._installed:
            await self.driver.open()
            return
        self._opening = self._opening or asyncio.Lock()
        async with self._opening:
            await self.driver.open()
            # What is installed in a transaction of yours may be rolled back: believed once it is found.
            self._installed = (await self.driver.schema.status()).current
            if not self._installed:
                await self.driver.schema.install()

    async def close(self) -> None:
        """Close what `open` made; a connection of yours, and what a scheduler shares, stays open."""
        if self._shared:
            return
        await self.ends.close()
        await self.driver.close()

    async def __aenter__(self) -> Queries:
        await self.open()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.close()

    async def install(self) -> None:
        """Create or upgrade the tables."""
        await self.driver.open()
        await self.driver.schema.install()

    async def uninstall(self) -> None:
        """Drop the tables, with every job."""
        await self.driver.open()
        await self.driver.schema.uninstall()
        self._installed = False

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
        on_duplicate: str = "raise",
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
            on_duplicate: "raise", or "ignore": the id of the job that has the dedupe key is returned.
            connection: your connection; the jobs become visible, and workers are woken, when its transaction
                commits.

        Raises:
            DuplicateJob: a ValueError; an unfinished job has the dedupe key, or it stands twice in the batch.
            InvalidInput: an argument that cannot be; nothing was sent.
        """
        if on_duplicate not in ON_DUPLICATE:
            raise InvalidInput("on_duplicate", f"expected 'raise' or 'ignore', got {shown(on_duplicate)}")
        request = EnqueueRequest(
            entrypoint, payload, priority, execute_after, dedupe_key, headers, limit_key,
            max_retries, timeout, store_result,
        )  # fmt: skip
        jobs = batch_of(request, self.clock)
        conflict = ConflictResolution.RAISE if on_duplicate == "raise" else ConflictResolution.IGNORE
        await self.open()
        if self._bundler and connection is None and len(jobs) == 1 and can_share(jobs[0]):
            await self._bundler.submit(jobs[0])
            return [JobHandle(jobs[0].job_id, self)]
        answers = await submit_with_retry(self.driver, self.clock, jobs, conflict, connection=connection)
        ids = [job.job_id for job in jobs]
        if Submission.IGNORED in answers:
            ids = await self._stored_ids(jobs, answers, connection)
        return [JobHandle(job_id, self) for job_id in ids]

    async def _stored_ids(
        self, jobs: Sequence[NewJob], answers: Sequence[Submission], connection: Any
    ) -> list[str]:
        keys = {job.dedupe_key for job in jobs if job.dedupe_key is not None}
        holders = await self.driver.insight.duplicates(keys, connection=connection)
        # The one that stood in the way may have ended meanwhile; then the id of the job that was not stored
        # is as good an answer as any: there is no such job.
        return [
            holders.get(job.dedupe_key or "", job.job_id) if answer is Submission.IGNORED else job.job_id
            for job, answer in zip(jobs, answers, strict=True)
        ]

    # --- change

    async def mark_job_as_cancelled(
        self, job_ids: str | Sequence[str], *, connection: Any = None
    ) -> list[CancelAnswer]:
        """Cancel queued jobs, and tell the workers of running ones to stop them; what each id met, in order:
        cancelled, requested, finished (too late) or unknown. A running job's row says ``cancelled`` once it
        has really stopped, and ``completed`` if it finished all the same."""
        wanted = [job_ids] if isinstance(job_ids, str) else checked_items("job_ids", job_ids, str, "job id")
        wanted = [checked_name("job_id", one) for one in wanted]
        await self.open()
        return await self.driver.jobs.request_cancel(wanted, now=self.clock.pinned(), connection=connection)

    async def cancel_job(self, job_id: str) -> bool:
        """As `Scheduler.cancel_job`."""
        (answer,) = await self.mark_job_as_cancelled(job_id)
        return answer in (CancelAnswer.CANCELLED, CancelAnswer.REQUESTED)

    async def retry_job(self, job_id: str) -> None:
        """Make a job pending again and due now, with its counters at zero.

        Raises:
            JobNotFound: no such job.
            DuplicateJob: an unfinished job has its dedupe key.
        """
        job_id = checked_name("job_id", job_id)
        await self.open()
        await self.driver.jobs.override_status(job_id, JobStatus.PENDING, now=self.clock.pinned())

    async def clear_queue(self, entrypoint: str | Iterable[str] | None = None) -> int:
        """Cancel every queued job of these entrypoints (None: of all); how many."""
        names = None if entrypoint is None else _names("entrypoint", entrypoint)
        await self.open()
        cleared = 0
        while ids := await self._pending(names):
            answers = await self.driver.jobs.request_cancel(ids, now=self.clock.pinned())
            cancelled = answers.count(CancelAnswer.CANCELLED)
            cleared += cancelled
            if not cancelled:
                break  # others are claiming them: they are queued no more
        return cleared

    async def _pending(self, names: Sequence[str] | None) -> list[str]:
        found: list[JobRecord] = []
        everything: list[str | None] = [None]
        for name in everything if names is None else names:
            found += await self.driver.insight.jobs(statuses=[JobStatus.PENDING], task_name=name, limit=1000)
        return [record.job_id for record in found]

    async def pause_queue(self, entrypoint: str) -> bool:
        """No worker claims jobs of this entrypoint until it is resumed; what runs goes on. True if that was a
        change. Jobs can be enqueued meanwhile."""
        return await self._pause(entrypoint, paused=True)

    async def resume_queue(self, entrypoint: str) -> bool:
        """The opposite; True if it was paused."""
        return await self._pause(entrypoint, paused=False)

    async def _pause(self, entrypoint: str, paused: bool) -> bool:
        name = checked_name("entrypoint", entrypoint)
        await self.open()
        return await self.driver.limits.pause_task(name, paused, now=self.clock.pinned())

    # --- ask

    async def queue_size(self) -> list[QueueStatistics]:
        """How many unfinished jobs there are, by entrypoint, priority and status."""
        await self.open()
        return [_statistics(size) for size in await self.driver.insight.sizes()]

    async def limits(self) -> list[LimitRecord]:
        """The entrypoints that have limits or are paused."""
        await self.open()
        return await self.driver.limits.list_limits()

    async def job(self, job_id: str) -> JobRecord | None:
        """One job as it is stored, or None."""
        job_id = checked_name("job_id", job_id)
        await self.open()
        return await self.driver.insight.job(job_id)

    async def job_status(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """The statuses of those jobs that are stored, by id."""
        wanted = checked_items("job_ids", job_ids, str, "job id")
        found = [await self.job(one) for one in wanted]
        return {record.job_id: record.status for record in found if record is not None}

    async def log(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first, with their tracebacks."""
        job_id = checked_name("job_id", job_id)
        await self.open()
        return await self.driver.insight.attempts(job_id)

    async def log_statistics(self) -> dict[JobStatus, int]:
        """How many jobs are stored in each state."""
        await self.open()
        return await self.driver.insight.counts()

    def handle(self, job_id: str) -> JobHandle:
        """The handle of a job by its id."""
        return JobHandle(checked_name("job_id", job_id), self)


def _names(field: str, value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else checked_items(field, value, str, "name")


def _statistics(size: QueueSize) -> QueueStatistics:
    return QueueStatistics(size.task_name, priority_of_rank(size.rank), size.status, size.count)
