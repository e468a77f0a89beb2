"""Taking schedules over: each is stored here, and taken from the other program where that keeps it in this
database, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg

from pg_scheduler.client.schedule_request import schedule_requested
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import ConfigurationError, InvalidInput
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.queues import DEFAULT_QUEUE, checked_queue
from pg_scheduler.ports.schedule_store import Advance
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_import.comparing import compared
from pg_scheduler_import.counts import Counts, Refusal, Taken
from pg_scheduler_import.foreign import Refused, reason_of, task_named
from pg_scheduler_import.importing import ending
from pg_scheduler_import.scheduled import ForeignSchedules, Found, Once, Recurring
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.schedules import PostgresSchedules


async def import_schedules(
    scheduler: Scheduler,
    connection: asyncpg.Connection,
    source: ForeignSchedules,
    *,
    theirs: asyncpg.Connection | None = None,
    renamed: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Counts:
    """Take over all schedules of the source; what was taken and refused. One that an earlier import has
    stored is left as it is now. `scheduler` is open, over the database of `connection`.

    With `theirs`, a connection to the source's own database, they are copied, and nothing is changed there.
    With `dry_run` the transaction does the same, and is rolled back.

    Raises:
        ConfigurationError: the source is not there, or `scheduler` is over no database; or it took so
            long that the other program may have run what was to be taken from it: then nothing was.
    """
    driver = scheduler.driver
    if not isinstance(driver, PostgresDriver):
        raise ConfigurationError(
            f"schedules are imported into a database, not into a {type(driver).__name__}"
        )
    found = await source.found(theirs or connection)
    rows = PostgresSchedules(driver.link.on_session(await driver.link.borrowed(connection)))
    taking = _Taking(scheduler, connection, rows, source, theirs is None, renamed or {})
    async with ending(connection, dry_run):
        taken = [one for one in found if await taking.take(one)]
        if theirs is None and not await source.in_time(connection):
            raise ConfigurationError(
                "nothing was imported: it took so long that some may have run there meanwhile. Import again"
            )
        taking.counts.left = await source.left(theirs or connection)
    if theirs is None and not dry_run:
        await source.afterwards(connection, taken)
        scheduler.client.wakeups.schedules_changed()
    return taking.counts


class _Taking:
    """One import, within its transaction."""

    def __init__(
        self,
        scheduler: Scheduler,
        connection: asyncpg.Connection,
        rows: PostgresSchedules,
        source: ForeignSchedules,
        moves: bool,
        renamed: Mapping[str, str],
    ) -> None:
        self._scheduler = scheduler
        self._connection = connection
        self._rows = rows
        self._source = source
        self._moves = moves
        self._renamed = renamed
        self.counts = Counts(source.name)

    async def take(self, one: Found) -> bool:
        """Whether it was stored here, and taken from there; else nothing of it was."""
        try:
            async with self._connection.transaction():
                stored = await self._taken(one)
        except (Refused, InvalidInput) as error:
            self.counts.refusals.append(Refusal(one.source_id, one.task, reason_of(error)))
            return False
        if stored is None:
            self.counts.known += 1
            return False
        self.counts.schedules.append(stored)
        self.counts.imported += 1
        return True

    async def _taken(self, one: Found) -> Taken | None:
        """What was stored; None if it is here already, and they would not run it."""
        key, wanted = f"{self._source.name}:{one.source_id}", one.read()
        task = task_named(one.task, self._renamed)
        if isinstance(wanted, Once):
            stored = await self._store_run(key, task, one, wanted)
        else:
            stored = await self._store_schedule(key, task, one, wanted)
        if stored is None and self._moves and one.state:
            raise Refused(f"it is stored here already, as {key}: remove one of both")
        if self._moves:
            await self._source.let_go(self._connection, one)
        return stored

    async def _store_schedule(self, key: str, task: str, one: Found, wanted: Recurring) -> Taken | None:
        if await self._rows.list_schedules([key]):
            return None
        runs, rule = compared(wanted), wanted.rule
        settings = {
            **wanted.settings,
            **({"every": rule.every, "anchor": rule.anchor} if rule.cron is None else {}),
            **({"cron": rule.cron, "timezone": rule.timezone} if rule.cron is not None else {}),
            **({"dst_gap": runs.dst_gap} if runs.dst_gap else {}),
            **({"dst_overlap": runs.dst_overlap} if runs.dst_overlap else {}),
        }
        request = schedule_requested(
            task, {"key": key, "args": wanted.args, "kwargs": wanted.kwargs, **settings}
        )
        new = self._scheduler.schedules.built(request)
        await self._rows.put_schedule(new)
        if wanted.goes_on_at is not None:
            # A step without a job: the first window is the one that the other program would have run next.
            await self._rows.advance_schedules(
                [Advance(key, new.spec_hash, None, None, runs.here[0], (), 0, False)]
            )
        notes = [*wanted.notes, *([runs.note] if runs.note else [])]
        return Taken(one.source_id, key, task, str(rule), runs.there, runs.here, notes)

    async def _store_run(self, key: str, task: str, one: Found, wanted: Once) -> Taken | None:
        client = self._scheduler.client
        job = NewJob(
            job_id=key,
            task_name=task,
            execution_time=wanted.at,
            task_data=client.codec.encode_arguments(list(wanted.args), dict(wanted.kwargs)),
            misfire_grace_seconds=wanted.grace,
            queue=DEFAULT_QUEUE if wanted.queue is None else checked_queue(wanted.queue),
        )
        (stored,) = await client.store([job], ConflictResolution.IGNORE, connection=self._connection)
        if stored.answer is not Submission.INSERTED:
            return None
        at = [wanted.at]
        return Taken(one.source_id, key, task, f"once at {wanted.at}", at, at, [*wanted.notes])
