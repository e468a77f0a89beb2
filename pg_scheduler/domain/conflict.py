"""What happens when a submitted job's id is already taken."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, StrEnum

from pg_scheduler.domain.errors import DuplicateJob, InvalidInput, JobAlreadyExists, shown
from pg_scheduler.domain.model import NewJob


class ConflictResolution(Enum):
    """Strategy for a job id that is already stored, whatever the stored job's state."""

    RAISE = "raise"
    """`JobAlreadyExists` (a ValueError); nothing of the call is stored."""
    IGNORE = "ignore"
    """The stored job stays as it is."""
    REPLACE = "replace"
    """The stored job takes the new definition and is pending again with no retries counted. A running
    attempt keeps its lease; the new version runs after it."""


class Submission(StrEnum):
    """What became of one submitted job."""

    INSERTED = "inserted"
    IGNORED = "ignored"
    REPLACED = "replaced"


def checked_conflict(value: object) -> ConflictResolution:
    """A `ConflictResolution`; its bare value ("raise", "ignore", "replace") is accepted too."""
    try:
        return ConflictResolution(value)
    except ValueError:
        raise InvalidInput(
            "conflict_resolution", f"expected a ConflictResolution, got {shown(value)}"
        ) from None


def rows_to_send(jobs: Sequence[NewJob], conflict: ConflictResolution) -> list[int]:
    """Positions of the jobs that go to the store, in order of dedupe key and id, when ids repeat within one
    call.

    RAISE refuses a repeated id; IGNORE keeps its first job and REPLACE its last, which is what the
    jobs would lead to if they were submitted one by one. The order lets two concurrent calls lock rows,
    and wait for each other's keys, in the same order, so that they cannot deadlock. A job with a dedupe key
    has an id of its own making, which no other call waits for.

    Raises:
        JobAlreadyExists: RAISE and an id stands twice.
    """
    chosen: dict[str, int] = {}
    repeated: list[str] = []
    for position, job in enumerate(jobs):
        if job.job_id in chosen:
            repeated.append(job.job_id)
            if conflict is not ConflictResolution.REPLACE:
                continue
        chosen[job.job_id] = position
    if repeated and conflict is ConflictResolution.RAISE:
        raise JobAlreadyExists(list(dict.fromkeys(repeated)))
    return sorted(chosen.values(), key=lambda position: _lock_order(jobs[position]))


def _lock_order(job: NewJob) -> tuple[str, str]:
    return job.dedupe_key or "", job.job_id


def answers_in_order(
    job_ids: Sequence[str],
    sent: Sequence[int],
    stored: dict[str, Submission],
    conflict: ConflictResolution,
) -> list[Submission]:
    """One answer per submitted job in input order, given what the store did with the rows sent."""
    sent_positions = set(sent)
    repeat = Submission.REPLACED if conflict is ConflictResolution.REPLACE else Submission.IGNORED
    return [
        stored.get(job_id, Submission.IGNORED) if position in sent_positions else repeat
        for position, job_id in enumerate(job_ids)
    ]


def refuse_replacing_by_key(jobs: Sequence[NewJob], conflict: ConflictResolution) -> None:
    """A dedupe key may belong to another job than the id: nobody could say which one is to be replaced.

    Raises:
        InvalidInput: REPLACE, and a job has a dedupe key.
    """
    if conflict is ConflictResolution.REPLACE and any(job.dedupe_key is not None for job in jobs):
        raise InvalidInput(
            "dedupe_key", "cannot be given together with REPLACE", "Give the job an id of your own"
        )


def refuse_taken(taken: Sequence[NewJob]) -> None:
    """Refuse jobs that the store did not take. One with a dedupe key has an id of its own making, so its
    key must be what was taken.

    Raises:
        DuplicateJob: the dedupe keys that are taken.
        JobAlreadyExists: the ids that are taken.
    """
    if keys := sorted(job.dedupe_key for job in taken if job.dedupe_key is not None):
        raise DuplicateJob(keys)
    if taken:
        raise JobAlreadyExists(sorted(job.job_id for job in taken))
