"""What happens to jobs on their way to the store, besides being stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pg_scheduler.client.headers import decoded_headers, encoded_headers
from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.model import NewJob
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.ports.middleware import Middleware, OutgoingJob, overrides

_Look = Callable[[OutgoingJob], None]


def _looks_of(middleware: Sequence[Middleware]) -> list[_Look]:
    return [each.before_enqueue for each in middleware if overrides(each, "before_enqueue")]


class Outgoing:
    """Lets middleware see jobs before they are stored, and tells whoever watches once they are.

    `on_stored` is called with the jobs that a call has stored; None: nobody can watch. `tasks` knows
    what middleware single tasks have brought besides.
    """

    def __init__(
        self,
        middleware: Sequence[Middleware] = (),
        on_stored: Callable[[Sequence[NewJob]], None] | None = None,
        tasks: TaskRegistry | None = None,
    ) -> None:
        self._before = _looks_of(middleware)
        self._tasks = tasks
        self._on_stored = on_stored

    def prepared(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """The jobs as they are to be stored.

        Raises:
            InvalidInput: headers that JSON cannot carry. And whatever middleware raises.
        """
        tasks = self._tasks if self._tasks is not None and self._tasks.surrounds else None
        if tasks is None and not self._before:
            return jobs
        prepared: list[NewJob] = []
        last, looks = None, self._before
        for job in jobs:
            if job.task_name != last:  # of a bulk call mostly all are of one task
                last, own = job.task_name, () if tasks is None else tasks.middleware_of(job.task_name)
                looks = [*self._before, *_looks_of(own)]
            prepared.append(self._prepared(job, looks) if looks else job)
        return prepared

    def _prepared(self, job: NewJob, looks: Sequence[_Look]) -> NewJob:
        headers = decoded_headers(job.headers)
        seen = OutgoingJob(job.job_id, job.task_name, job.queue, headers)
        for look in looks:
            look(seen)
        return replace(job, headers=encoded_headers(seen.headers) if seen.headers else None)

    def stored(self, jobs: Sequence[NewJob], answers: Sequence[Submission]) -> None:
        """What became of each: whoever watches hears of those that were not ignored."""
        if self._on_stored is None:
            return
        made = [job for job, answer in zip(jobs, answers, strict=True) if answer is not Submission.IGNORED]
        if made:
            self._on_stored(made)
