"""Taking schedules over: each is stored here, and taken from the other program where that keeps it in this
database, in one transaction."""

from __future__ import annotations

import asyncpg

from pg_scheduler.client.schedule_request import schedule_requested
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.ports.schedule_store import Advance
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_import.comparing import compared
from pg_scheduler_import.counts import Counts, Refusal, Taken
from pg_scheduler_import.foreign import Refused, reason_of, task_named
from pg_scheduler_import.importing import ending
from pg_scheduler_import.scheduled import ForeignSchedules, Found, Once, Recurring


async def import_schedules(
    connection: asyncpg.Connection,
    source: ForeignSchedules,
    *,
    schema: str | None = None,
    theirs: asyncpg.Connection | None = None,
    renamed: dict[str, str] | None = None,
    dry_run: bool = False,
) -> Counts:
    """Take over all schedules of the source; what was taken and refused. One that an earlier import has
    stored is left as it is now.

    With `theirs`, a connection to the source's own database, they are copied, and nothing is changed there.
    With `dry_run` the transaction does the same, and is rolled back.

    Raises:
        ConfigurationError: the source is not there.
    """
    found = await source.found(theirs or connection)
    scheduler = Scheduler(connection, schema=schema)
    try:
        await scheduler.open()
        counts, taken = Counts(source.name), list[Found]()
        async with ending(connection, dry_run):
            for one in found:
                if await _imported(scheduler, connection, source, one, renamed or {}, counts, theirs is None):
                    taken.append(one)
            counts.left = await source.left(theirs or connection)
        if theirs is None and not dry_run:
            await source.afterwards(connection, taken)
        return counts
    finally:
        await scheduler.shutdown()


async def _imported(
    scheduler: Scheduler,
    connection: asyncpg.Connection,
    source: ForeignSchedules,
    one: Found,
    renamed: dict[str, str],
    counts: Counts,
    moves: bool,
) -> bool:
    """Whether it was stored here and taken from there; else nothing of it was."""
    key = f"{source.name}:{one.source_id}"
    try:
        task = task_named(one.task, renamed)
        wanted = one.read()
        async with connection.transaction():
            if isinstance(wanted, Once):
                stored = await _store_run(scheduler, key, task, one, wanted)
            else:
                stored = await _store_schedule(scheduler, key, task, one, wanted)
            if stored is None and moves and one.state:
                raise Refused(f"it is stored here already, as {key}: remove one of both")
            if moves:
                await source.let_go(connection, one)
    except (Refused, InvalidInput) as error:
        counts.refusals.append(Refusal(one.source_id, one.task, reason_of(error)))
        return False
    if stored is None:
        counts.known += 1
        return False
    counts.schedules.append(stored)
    counts.imported += 1
    return True


async def _store_schedule(
    scheduler: Scheduler, key: str, task: str, one: Found, wanted: Recurring
) -> Taken | None:
    """What was stored; None if it is here already."""
    rows = scheduler.driver.schedules
    if await rows.list_schedules([key]):
        return None
    runs, rule = compared(wanted), wanted.rule
    settings = {
        **wanted.settings,
        **({"every": rule.every, "anchor": rule.anchor} if rule.cron is None else {}),
        **({"cron": rule.cron, "timezone": rule.timezone} if rule.cron is not None else {}),
        **({"dst_gap": runs.dst_gap} if runs.dst_gap else {}),
        **({"dst_overlap": runs.dst_overlap} if runs.dst_overlap else {}),
    }
    request = schedule_requested(task, {"key": key, "args": wanted.args, "kwargs": wanted.kwargs, **settings})
    await scheduler.schedules.add(request)
    if wanted.goes_on_at is not None:
        (record,) = await rows.list_schedules([key])
        # A step without a job: the first window is the one that the other program would have run next.
        step = Advance(key, record.new.spec_hash, record.next_window, None, runs.here[0], (), 0, False)
        await rows.advance_schedules([step])
    notes = [*wanted.notes, *([runs.note] if runs.note else [])]
    return Taken(one.source_id, key, task, str(rule), runs.there, runs.here, notes)


async def _store_run(scheduler: Scheduler, key: str, task: str, one: Found, wanted: Once) -> Taken | None:
    job = NewJob(
        job_id=key,
        task_name=task,
        execution_time=wanted.at,
        task_data=scheduler.codec.encode_arguments(list(wanted.args), dict(wanted.kwargs)),
        misfire_grace_seconds=wanted.grace,
        queue=DEFAULT_QUEUE if wanted.queue is None else checked_queue(wanted.queue),
    )
    (stored,) = await scheduler.client.store([job], ConflictResolution.IGNORE)
    if stored.answer is not Submission.INSERTED:
        return None
    return Taken(one.source_id, key, task, f"once at {wanted.at}", [wanted.at], [wanted.at], [*wanted.notes])
