"""Changes of stored jobs by hand, as SQL: one transaction for each batch, with its record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.acts import (
    Action,
    Batch,
    Cancel,
    ChangeAnswer,
    ChosenJob,
    Delete,
    Reschedule,
    Retry,
    refusal_of,
)
from pg_scheduler.domain.audit import Actor, subject_of
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_postgres.auditing import Changed, note_act
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.rows import status_in
from pg_scheduler_postgres.rules import CANCELLATION
from pg_scheduler_postgres.session import Row
from pg_scheduler_postgres.submitting import UNIQUE_VIOLATION

STATEMENTS: dict[type[Action], str] = {
    Retry: "change_by_retry",
    Cancel: "change_by_cancel",
    Delete: "change_by_delete",
    Reschedule: "change_by_reschedule",
}
MOST_TRIES = 3
"""How often a batch is tried in which a dedupe key is taken meanwhile, again and again."""


class Changes:
    """Makes changes over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def change(
        self,
        jobs: Sequence[ChosenJob],
        action: Action,
        *,
        now: datetime | None,
        by: Actor | None,
        selection: str | None,
        audit_id: int | None,
    ) -> Batch:
        for _ in range(MOST_TRIES - 1):
            try:
                return await self._once(jobs, action, now, by, selection, audit_id)
            except DatabaseError as error:
                # Somebody has stored a job with the dedupe key of one that was about to be pending again.
                if error.sqlstate != UNIQUE_VIOLATION:
                    raise
        return await self._once(jobs, action, now, by, selection, audit_id)

    async def _once(
        self,
        jobs: Sequence[ChosenJob],
        action: Action,
        now: datetime | None,
        by: Actor | None,
        selection: str | None,
        audit_id: int | None,
    ) -> Batch:
        async with self._link.session.transaction() as transaction:
            rows = await self._link.run(
                STATEMENTS[type(action)], transaction, now=now, **_values_of(jobs, action)
            )
            answers = dict.fromkeys((job.job_id for job in jobs), ChangeAnswer.UNKNOWN)
            answers |= {row["job_id"]: _answer_in(row, action) for row in rows}
            done = sorted(job_id for job_id, answer in answers.items() if answer.done)
            changed = Changed(subject_of(done), len(done), done, selection, audit_id)
            return Batch(answers, await note_act(self._link, transaction, by, action.act, changed, now))


def _values_of(jobs: Iterable[ChosenJob], action: Action) -> dict[str, Any]:
    chosen = list({job.job_id: job for job in jobs}.values())
    return {
        "job_ids": [job.job_id for job in chosen],
        "epochs": [job.epoch for job in chosen],
        "statuses": [None if job.status is None else str(job.status) for job in chosen],
        "possible": [str(status) for status in action.possible],
        "new_time": action.at if isinstance(action, Reschedule) else None,
        **CANCELLATION,
    }


def _answer_in(row: Row, action: Action) -> ChangeAnswer:
    status = status_in(row)
    if row["is_changed"]:
        is_running = isinstance(action, Cancel) and status is JobStatus.RUNNING
        return ChangeAnswer.REQUESTED if is_running else ChangeAnswer.CHANGED
    if row["is_held"]:
        return ChangeAnswer.HELD
    if not row["is_as_chosen"]:
        return ChangeAnswer.NO_MATCH
    return ChangeAnswer.DUPLICATE if status in action.possible else refusal_of(status)
