"""What happens to jobs on their way to the store, besides being stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pg_scheduler.client.headers import decoded_headers, encoded_headers
from pg_scheduler.domain.conflict import Submission
from pg_scheduler.domain.model import NewJob
from pg_scheduler.ports.middleware import Middleware, OutgoingJob, overrides


class Outgoing:
    """Lets middleware see jobs before they are stored, and tells whoever watches once they are.

    `on_stored` is called with the jobs that a call has stored; None: nobody can watch.
    """

    def __init__(
        self,
        middleware: Sequence[Middleware] = (),
        on_stored: Callable[[Sequence[NewJob]], None] | None = None,
    ) -> None:
        self._before = [each.before_enqueue for each in middleware if overrides(each, "before_enqueue")]
        self._on_stored = on_stored

    def prepared(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """The jobs as they are to be stored.

        Raises:
            InvalidInput: headers that JSON cannot carry. And whatever middleware raises.
        """
        return [self._prepared(job) for job in jobs] if self._before else jobs

    def _prepared(self, job: NewJob) -> NewJob:
        headers = decoded_headers(job.headers)
        seen = OutgoingJob(job.job_id, job.task_name, job.queue, headers)
        for look in self._before:
            look(seen)
        return replace(job, headers=encoded_headers(seen.headers) if seen.headers else None)

    def stored(self, jobs: Sequence[NewJob], answers: Sequence[Submission]) -> None:
        """What became of each: whoever watches hears of those that were not ignored."""
        if self._on_stored is None:
            return
        made = [job for job, answer in zip(jobs, answers, strict=True) if answer is not Submission.IGNORED]
        if made:
            self._on_stored(made)
