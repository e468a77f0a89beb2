"""What both styles offer for stored jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Unpack, overload

from pg_scheduler.client.job_choice import FilterOptions, chosen_jobs
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.why import Reason
from pg_scheduler.ports.job_store import CancelAnswer


class JobVerbs:
    """Finds, changes and explains stored jobs, for whatever has a client."""

    client: JobClient

    async def cancel_job(self, job_id: str, *, connection: Any = None) -> bool:
        """Cancel a job. True if it was pending and is cancelled now, or if it runs and its worker has been
        told: a coroutine is cancelled, a worker process killed, a thread told through `current_job()`;
        the row says ``cancelled`` once it really stopped. False if it had ended, or does not exist."""
        return await self.client.cancel_job(job_id, connection=connection)

    @overload
    async def cancel(self, job_ids: str | Iterable[str], *, connection: Any = None) -> list[CancelAnswer]: ...

    @overload
    async def cancel(self, **options: Unpack[FilterOptions]) -> int: ...

    async def cancel(
        self,
        job_ids: str | Iterable[str] | None = None,
        *,
        connection: Any = None,
        **options: Unpack[FilterOptions],
    ) -> list[CancelAnswer] | int:
        """Cancel jobs, as `cancel_job`, by id or by a filter (the words of `jobs`).

        By id: what each met, in order: cancelled, requested (it runs, and its worker has been told), finished
        (too late) or unknown. By filter: how many are cancelled now, or asked to stop. It goes through them
        in batches; a pending one that starts meanwhile is asked to stop, one that is stored meanwhile may be
        left out.

        Raises:
            InvalidInput: neither ids nor a filter, both, or a status of jobs that have ended.
        """
        return await self.client.cancel(chosen_jobs(job_ids, options), connection=connection)

    @overload
    async def retry(self, job_ids: str | Iterable[str]) -> list[RetryAnswer]: ...

    @overload
    async def retry(self, **options: Unpack[FilterOptions]) -> int: ...

    async def retry(
        self, job_ids: str | Iterable[str] | None = None, **options: Unpack[FilterOptions]
    ) -> list[RetryAnswer] | int:
        """Run jobs that have ended once more, now, with their counters at zero, by id or by a filter (the
        words of `jobs`).

        By id: what each met, in order: retried, pending or running (not ended), duplicate (of an unfinished
        job) or unknown. By filter: how many are retried. Those that have not ended, or whose dedupe key is
        taken, stay as they are, and one that fails again meanwhile is not retried twice.

        Raises:
            InvalidInput: neither ids nor a filter, both, or a status of jobs that have not ended.
        """
        return await self.client.retry(chosen_jobs(job_ids, options))

    async def jobs(self, *, limit: int = 100, **options: Unpack[FilterOptions]) -> list[JobRecord]:
        """At most `limit` of the stored jobs, newest first: by execution time, then id.

        Args:
            status: one, or several.
            task: the full name of a task.
            since: only jobs that are due then or later; aware.
            error: a part of the error message, whatever the case of its letters; no character is a wildcard.

        Raises:
            InvalidInput: a value that cannot be.
        """
        return await self.client.jobs(limit=limit, **options)

    async def job(self, job_id: str) -> JobRecord | None:
        """One job as it is stored, or None."""
        return await self.client.job(job_id)

    async def why(self, job_id: str) -> tuple[Reason, ...]:
        """Why a job does not run, or what became of it: the conditions of a claim, in the order in which it
        checks them. What holds the job first comes first; one that nothing holds has one reason, ``next``."""
        return await self.client.why(job_id)

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first, with their tracebacks."""
        return await self.client.attempts(job_id)

    def handle(self, job_id: str) -> JobHandle:
        """The handle of a job by its id."""
        return self.client.handle(job_id)
