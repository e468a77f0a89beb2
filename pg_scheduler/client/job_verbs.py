"""What both styles offer for stored jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack, overload

from pg_scheduler.client.changing import ChangeOptions
from pg_scheduler.client.job_choice import FilterOptions, chosen_jobs
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.paging import MOST_MATCHING, Count, Cursor, Page
from pg_scheduler.domain.selection import Selection
from pg_scheduler.ports.job_store import CancelAnswer

if TYPE_CHECKING:
    from pg_scheduler.domain.acts import Action, Changed
    from pg_scheduler.domain.failures import Failures
    from pg_scheduler.domain.why import Reason


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
        """At most `limit` of the stored jobs, newest first: by the time when they ended, or are due, then id.

        Args:
            status: one, or several.
            task: the full name of a task.
            since: only jobs that ended then or later, or, if they have not ended, are due then or later.
            error: a part of the error message, whatever the case of its letters; no character is a wildcard.
            arguments: what stands at places in their arguments: ``{"user.id": "7"}``.

        Raises:
            InvalidInput: a value that cannot be.
        """
        return await self.client.jobs(limit=limit, **options)

    async def page(self, selection: Selection, after: Cursor | None = None, limit: int = 50) -> Page:
        """At most so many of the stored jobs that match, newest first, from a place on (`Page.next` of the
        page before). It costs no more where millions are stored."""
        return await self.client.page(selection, after, limit)

    async def count(self, selection: Selection, at_most: int = MOST_MATCHING) -> Count:
        """How many stored jobs match, counted so far and no further."""
        return await self.client.count(selection, at_most)

    async def failures(
        self, *, task: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Failures:
        """The failed jobs that are stored, or those of one task, by what failed in them: task, kind of
        exception and place in your code; at most so many groups, those that failed last first.
        ``Selection(error_group=group.group)`` are the jobs of one."""
        return await self.client.failures(task=task, since=since, limit=limit)

    async def change(
        self, chosen: Selection | Sequence[str], action: Action, **options: Unpack[ChangeOptions]
    ) -> Changed:
        """Retry, cancel, delete or reschedule stored jobs: those with these ids, or all that match. Which
        jobs are meant is settled before the first is changed, and one that has become another since stays as
        it is. In batches, each in one transaction with its record in the audit.

        Args:
            action: `Retry()`, `Cancel()`, `Delete()` or `Reschedule(at)`.
            options: see `ChangeOptions`.

        Raises:
            SelectionChanged: more jobs match than were expected; nothing was changed.
            InvalidInput: it cannot be done to any job that would match.
        """
        return await self.client.change(chosen, action, **options)

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
