"""Storing new jobs, as SQL: one by one, many by COPY, or many that may meet stored ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pg_scheduler.domain.conflict import (
    ConflictResolution,
    Submission,
    answers_in_order,
    refuse_taken,
    rows_to_send,
)
from pg_scheduler.domain.errors import DatabaseError
from pg_scheduler.domain.model import NewJob
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.copying import TABLE, CopiedJobs
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.payloads import stored_payload
from pg_scheduler_postgres.rows import columns_of, soon_in, values_of
from pg_scheduler_postgres.session import Session

UNIQUE_VIOLATION = "23505"

WORTH_COPYING = 100
"""Jobs from which the round trips of a COPY are paid back."""

MOST_CHARACTERS = 50_000_000
"""Of arguments, payloads and headers in one statement; a server takes no message of a gigabyte."""

Stored = dict[str, Submission]


class Submitting:
    """Submits on one session, all jobs or none."""

    def __init__(
        self,
        link: Link,
        session: Session,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        now: datetime | None,
    ) -> None:
        self._link = link
        self._session = session
        self._jobs = jobs
        self._conflict = conflict
        self._now = now
        self._soon = soon_in(session)
        self._waits_known = not session.in_transaction()

    async def submit(self, batch_size: int) -> list[Submission]:
        """One answer per job, in their order."""
        job_ids = [job.job_id for job in self._jobs]
        sent = rows_to_send(self._jobs, self._conflict)
        if not sent:
            return []
        rows = [self._jobs[position] for position in sent]
        if len(rows) == 1:
            # One row is all or nothing by itself: no transaction, one round trip.
            stored = await self._store_one(rows[0])
        elif self._meets_no_others(rows) and await self._copied(rows):
            return [Submission.INSERTED] * len(rows)
        else:
            stored = await self._store_all(rows, batch_size)
        return answers_in_order(job_ids, sent, stored, self._conflict)

    def _meets_no_others(self, rows: Sequence[NewJob]) -> bool:
        """True if no row should meet a stored one, or if it is an error that one does. Rows that may meet
        others in the ordinary course of things would be copied in vain."""
        if len(rows) < max(WORTH_COPYING, len(self._jobs)):
            return False
        return self._conflict is ConflictResolution.RAISE or all(
            job.fresh_id and job.dedupe_key is None for job in rows
        )

    async def _copied(self, rows: Sequence[NewJob]) -> bool:
        """Copy the rows; False if one of them is taken, with nothing stored."""
        try:
            async with self._session.transaction() as transaction:
                await self._copy(transaction, rows)
        except DatabaseError as error:
            if error.sqlstate != UNIQUE_VIOLATION:
                raise
            return False
        return True

    async def _copy(self, transaction: Session, rows: Sequence[NewJob]) -> None:
        (facts,) = await self._link.run(
            "copy_facts",
            transaction,
            now=self._now,
            task_names=list({job.task_name for job in rows}),
            queues=list({job.queue for job in rows}),
        )
        now = instant(facts["now"])
        limited, limited_queues = frozenset(facts["limited"]), frozenset(facts["limited_queues"])
        copied = CopiedJobs(rows, now, self._now is not None, limited, limited_queues)
        await transaction.copy(self._link.statements.schema, TABLE, copied.columns, copied.chunks())
        soon = now + timedelta(seconds=self._soon)
        due: dict[bool, list[tuple[datetime, NewJob]]] = {False: [], True: []}
        for time, lane, job in zip(copied.due_times, copied.lanes, rows, strict=True):
            if time <= soon:
                due[lane is not None].append((time, job))
        if any(due.values()):
            payloads = [
                stored_payload(
                    [job for _, job in some],
                    (min(time for time, _ in some) - now).total_seconds() if self._waits_known else 0.0,
                    lanes,
                )
                if some
                else None
                for lanes, some in due.items()
            ]
            await self._link.run("notify_stored", transaction, due=payloads[0], lane_due=payloads[1])

    async def _store_one(self, job: NewJob) -> Stored:
        if self._conflict is ConflictResolution.REPLACE or _is_run(job):
            stored = await self._store(self._session, [job])
        else:
            found = await self._link.run(
                "submit_one",
                self._session,
                now=self._now,
                **values_of(job),
                soon_seconds=self._soon,
                waits_known=self._waits_known,
            )
            stored = {row["job_id"]: Submission.INSERTED for row in found}
        _refuse_taken([job], stored, self._conflict)
        return stored

    async def _store_all(self, rows: Sequence[NewJob], batch_size: int) -> Stored:
        batches = _batches(rows, batch_size)
        own = self._session is self._link.session
        if own and len(batches) == 1 and self._conflict is not ConflictResolution.RAISE:
            # One statement, and none of its answers undoes it. On a caller's connection it needs a savepoint:
            # an error must not end the caller's transaction.
            return await self._store(self._session, rows)
        stored: Stored = {}
        async with self._session.transaction() as transaction:
            for batch in batches:
                stored |= await self._store(transaction, batch, alone=len(batches) == 1)
            _refuse_taken(rows, stored, self._conflict)
        return stored

    async def _store(self, session: Session, rows: Sequence[NewJob], alone: bool = True) -> Stored:
        found = await self._link.run(
            self._statement_for(rows),
            session,
            now=self._now,
            **columns_of(rows),
            soon_seconds=self._soon,
            waits_known=self._waits_known and alone,
        )
        return {
            row["job_id"]: Submission.INSERTED if row["inserted"] else Submission.REPLACED for row in found
        }

    def _statement_for(self, rows: Sequence[NewJob]) -> str:
        if self._conflict is ConflictResolution.REPLACE:
            return "submit_replacing"
        return "submit_runs" if any(map(_is_run, rows)) else "submit"


def _is_run(job: NewJob) -> bool:
    """Whether it is one of a schedule, or holds the lock of one: what a producer may not store."""
    return job.schedule_key is not None or job.exclusive_key is not None or not job.exclusive_wait


def _batches(rows: Sequence[NewJob], batch_size: int) -> list[list[NewJob]]:
    """The rows of each statement: so many, and no more text than `MOST_CHARACTERS`, or one."""
    batches: list[list[NewJob]] = []
    left = 0
    for row in rows:
        size = row.size
        if not batches or len(batches[-1]) == batch_size or size > left:
            batches.append([])
            left = MOST_CHARACTERS
        batches[-1].append(row)
        left -= size
    return batches


def _refuse_taken(
    jobs: Sequence[NewJob], stored: Mapping[str, Submission], conflict: ConflictResolution
) -> None:
    """Raise within the transaction, so that it rolls back, naming everything that was taken."""
    if conflict is ConflictResolution.RAISE:
        refuse_taken([job for job in jobs if job.job_id not in stored])
