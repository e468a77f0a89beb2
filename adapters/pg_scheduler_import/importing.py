"""Taking jobs over.

Within one database they are moved: a batch of theirs is locked, stored here and deleted there in one
transaction, so that a job is in exactly one of the two tables at any time, and their workers may go on
meanwhile: what they hold is passed over, what is locked here they pass over. Between two databases jobs are
copied, and nothing is changed there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from pg_scheduler.client.job_client import JobClient, Stored
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.model import NewJob
from pg_scheduler_import.counts import Counts, Refusal
from pg_scheduler_import.foreign import FIRST_ID, ForeignQueue, Refused, Row, reason_of

BATCH = 500
"""Jobs of one transaction: their workers wait for none of them longer than this takes."""

Progress = Callable[[Counts], object]


async def move_jobs(
    client: JobClient,
    theirs: asyncpg.Connection,
    source: ForeignQueue,
    *,
    batch: int = BATCH,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> Counts:
    """Move all jobs that wait in the source, a batch in each transaction; what was moved and refused. The
    tables of both are in the database of `theirs`.

    With `dry_run` each transaction does the same, and is rolled back.

    Raises:
        ConfigurationError: there is no such table.
    """
    await source.check(theirs)
    counts, after = Counts(source.name), FIRST_ID
    while True:
        async with ending(theirs, dry_run):
            rows = await source.waiting(theirs, after, batch, True)
            moved = await _store(client, theirs, source, rows, counts)
            await source.delete(theirs, moved)
        if on_progress is not None and rows:
            on_progress(counts)
        if len(rows) < batch:
            break
        after = rows[-1]["id"]
    counts.left = await source.counts(theirs)
    if dry_run:
        waiting = counts.left.get(source.waits_as, 0)
        counts.left = {**counts.left, source.waits_as: max(waiting - counts.imported, 0)}
    return counts


async def copy_jobs(
    client: JobClient,
    theirs: asyncpg.Connection,
    source: ForeignQueue,
    *,
    batch: int = BATCH,
    on_progress: Progress | None = None,
) -> Counts:
    """Copy all jobs that wait in the source into another database; what was copied and refused. What was
    copied before, and is still stored here, is not stored again. Their workers have to be stopped first: they
    would run the same jobs.

    Raises:
        ConfigurationError: there is no such table.
    """
    await source.check(theirs)
    counts, after = Counts(source.name), FIRST_ID
    while True:
        rows = await source.waiting(theirs, after, batch, False)
        await _store(client, None, source, rows, counts)
        if on_progress is not None and rows:
            on_progress(counts)
        if len(rows) < batch:
            counts.left = await source.counts(theirs)
            return counts
        after = rows[-1]["id"]


async def _store(
    client: JobClient, connection: Any, source: ForeignQueue, rows: Sequence[Row], counts: Counts
) -> list[int]:
    """Store what can be; the ids there of what was."""
    back = await source.held_back(connection, rows) if connection is not None else {}
    jobs: dict[int, NewJob] = {}
    for row in rows:
        try:
            if row["id"] in back:
                raise Refused(back[row["id"]])
            jobs[row["id"]] = source.job_of(row)
        except (Refused, InvalidInput) as error:
            _refuse(counts, row, reason_of(error))
    stored = await _stored(client, list(jobs.values()), connection)
    by_id = {row["id"]: row for row in rows}
    taken: list[int] = []
    for number, job, one in zip(jobs, jobs.values(), stored, strict=True):
        if one.answer is Submission.INSERTED:
            taken.append(number)
        elif one.job_id == job.job_id and connection is None:
            counts.known += 1
        elif one.job_id == job.job_id:
            _refuse(counts, by_id[number], f"it is stored here already, as {job.job_id}")
        else:
            _refuse(counts, by_id[number], f"its dedupe key {job.dedupe_key!r} is that of job {one.job_id}")
    counts.imported += len(taken)
    return taken


async def _stored(client: JobClient, jobs: Sequence[NewJob], connection: Any) -> list[Stored]:
    if not jobs:
        return []
    return await client.store(jobs, ConflictResolution.IGNORE, connection=connection)


def _refuse(counts: Counts, row: Row, reason: str) -> None:
    task = row.get("entrypoint") or row.get("task_name") or ""
    counts.refusals.append(Refusal(str(row["id"]), task, reason))


@asynccontextmanager
async def ending(connection: asyncpg.Connection, undone: bool) -> AsyncIterator[None]:
    """A transaction that is committed at the end of the block, or undone all the same."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if undone else transaction.commit())
