"""Lists, figures and changes of stored jobs, by blocking calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from pg_scheduler.client.changing import AT_MOST, ChangeOptions, Choice
from pg_scheduler.client.job_client import JobClient
from pg_scheduler.domain.paging import MOST_MATCHING, Count, Cursor, Page
from pg_scheduler.domain.selection import Selection
from pg_scheduler.queries import Queries

if TYPE_CHECKING:
    from pg_scheduler.domain.acts import Action, Changed
    from pg_scheduler.domain.failures import Failures
    from pg_scheduler.domain.minutes import Minutes
    from pg_scheduler.domain.problem import Problem
    from pg_scheduler.domain.summary import Summary
    from pg_scheduler.domain.why import Reason
    from pg_scheduler.ports.limit_store import PausedQueue, QueueLimits


class BlockingViews:
    """What people who look after jobs ask and do. Every method means what the one of `Scheduler` means."""

    def __init__(self, run: Callable[[Any], Any], client: JobClient) -> None:
        self._run = run
        self._client = client
        self._queries = Queries(client)

    def page(self, selection: Selection, after: Cursor | None = None, limit: int = 50) -> Page:
        """At most so many of the stored jobs that match, newest first, from a place on."""
        found: Page = self._run(self._client.page(selection, after, limit))
        return found

    def count(self, selection: Selection, at_most: int = MOST_MATCHING) -> Count:
        """How many stored jobs match, counted so far and no further."""
        found: Count = self._run(self._client.count(selection, at_most))
        return found

    def choose(self, selection: Selection, action: Action, at_most: int = AT_MOST) -> Choice:
        """The jobs that match and to which this can be done, the newest first: what `change` changes once
        somebody has agreed.

        Raises:
            InvalidInput: it cannot be done to any job that would match.
        """
        chosen: Choice = self._run(self._client.choose(selection, action, at_most))
        return chosen

    def change(
        self, chosen: Selection | Choice | Sequence[str], action: Action, **options: Unpack[ChangeOptions]
    ) -> Changed:
        """Retry, cancel, delete or reschedule stored jobs: those that were chosen, those with these ids, or
        all that match; each batch is a transaction with its record in the audit.

        Raises:
            SelectionChanged: more jobs match than were expected; nothing was changed.
            InvalidInput: it cannot be done to any job that would match.
        """
        done: Changed = self._run(self._client.change(chosen, action, **options))
        return done

    def failures(self, *, since: datetime | None = None, limit: int = 100) -> Failures:
        """The failed jobs that are stored, by what failed in them, those that failed last first."""
        found: Failures = self._run(self._client.failures(since=since, limit=limit))
        return found

    def summary(self) -> Summary:
        """What is going on, by queue and task."""
        found: Summary = self._run(self._client.summary())
        return found

    def minutes(
        self, *, queue: str | None = None, task: str | None = None, since: datetime | None = None
    ) -> Minutes:
        """What workers did, minute by minute, in the last hour or since then; a day is kept."""
        found: Minutes = self._run(self._client.minutes(queue=queue, task=task, since=since))
        return found

    def why(self, job_id: str) -> tuple[Reason, ...]:
        """Why a job does not run, or what became of it; what holds it first comes first."""
        reasons: tuple[Reason, ...] = self._run(self._client.why(job_id))
        return reasons

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with workers, jobs, schedules and the database server, the worst first."""
        found: tuple[Problem, ...] = self._run(self._client.problems())
        return found

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

    def limit_task(
        self,
        task: str,
        *,
        concurrency_limit: int | None = None,
        requests_per_second: float | None = None,
    ) -> bool:
        """Limit the jobs of a task whatever its code says; without limits, those of the code hold again."""
        changed: bool = self._run(self._client.limit_task(task, concurrency_limit, requests_per_second))
        return changed

    def queue_limits(self) -> list[QueueLimits]:
        """Every queue that has limits, and since when; by name."""
        found: list[QueueLimits] = self._run(self._queries.queue_limits())
        return found
