"""A job is moved as a whole, or stays; it is never in both tables, and never in neither."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from pg_scheduler import ConflictResolution, Scheduler
from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler_import import ForeignQueue, PgQueuerTable, ProcrastinateTable, copy_jobs, move_jobs

AT_NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def table_of(source: ForeignQueue) -> str:
    return "pgqueuer" if source.name == "pgqueuer" else "procrastinate_jobs"


async def add(theirs: asyncpg.Connection, source: ForeignQueue, number: int) -> None:
    """So many jobs."""
    await theirs.execute(
        f"INSERT INTO {table_of(source)} (priority) "
        "SELECT n % 3 FROM generate_series(1, $1::integer) AS s (n)",
        number,
    )


async def ids(scheduler: Scheduler) -> list[str]:
    return sorted(job.job_id for job in await scheduler.jobs(limit=1000))


async def test_pgqueuers_jobs_keep_what_they_have(scheduler: Scheduler, theirs: asyncpg.Connection) -> None:
    await theirs.execute(
        "INSERT INTO pgqueuer (priority, execute_after, entrypoint, dedupe_key, payload, headers) "
        "VALUES (2, $1, 'old.mail', 'only', 'Ada', '{\"trace\": 1}'), (0, now(), 'bill', NULL, NULL, 'null')",
        AT_NOON,
    )
    source = PgQueuerTable(renamed={"old.mail": "mail"})
    counts = await move_jobs(scheduler.client, theirs, source)
    assert (counts.imported, counts.seen, counts.left) == (2, 2, {})
    bill, mail = sorted(await scheduler.jobs(), key=lambda job: job.task_name)
    assert (mail.task_name, mail.rank, mail.execution_time) == ("mail", 3, AT_NOON)
    assert (mail.payload, mail.headers, mail.dedupe_key) == (b"Ada", '{"trace": 1}', "only")
    assert (bill.task_name, bill.rank, bill.payload, bill.headers) == ("bill", 5, None, None)
    assert mail.job_id == "pgqueuer:0000000000000000001"
    assert mail.misfire_grace_seconds is None


async def test_procrastinates_jobs_keep_what_they_have(
    scheduler: Scheduler, theirs: asyncpg.Connection
) -> None:
    await theirs.execute(
        "INSERT INTO procrastinate_jobs (queue_name, priority, lock, queueing_lock, args, scheduled_at) "
        "VALUES ('bulk', -1, 'ada', 'only', '{\"to\": \"Ada\", \"n\": 1}', $1), "
        "('default', 0, NULL, NULL, '{}', NULL)",
        AT_NOON,
    )
    counts = await move_jobs(scheduler.client, theirs, ProcrastinateTable())
    assert (counts.imported, counts.left) == (2, {})
    later, now = await scheduler.jobs()
    assert (later.queue, later.rank, later.limit_key, later.dedupe_key) == ("bulk", 6, "ada", "only")
    assert later.execution_time == AT_NOON
    assert scheduler.codec.decode_arguments(later.task_data) == ([], {"to": "Ada", "n": 1})
    assert now.queue == DEFAULT_QUEUE
    assert now.execution_time <= datetime.now(UTC)


async def test_batches_move_everything_in_order(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue
) -> None:
    await add(theirs, source, 23)
    shown = list[int]()
    counts = await move_jobs(
        scheduler.client, theirs, source, batch=5, on_progress=lambda so_far: shown.append(so_far.imported)
    )
    assert (counts.imported, counts.left, shown) == (23, {}, [5, 10, 15, 20, 23])
    assert len(await ids(scheduler)) == 23


async def test_a_dry_run_counts_what_a_run_would_do_and_changes_nothing(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue
) -> None:
    await add(theirs, source, 7)
    await theirs.execute(f"UPDATE {table_of(source)} SET priority = -2147483648 WHERE id = 2")
    would = await move_jobs(scheduler.client, theirs, source, batch=3, dry_run=True)
    assert await ids(scheduler) == []
    assert await source.counts(theirs) == {source.waits_as: 7}
    assert await move_jobs(scheduler.client, theirs, source, batch=3) == would
    assert (would.imported, len(would.refusals), would.left) == (6, 1, {source.waits_as: 1})


async def test_what_cannot_be_moved_stays_and_is_named(
    scheduler: Scheduler, theirs: asyncpg.Connection
) -> None:
    await scheduler.client.store(
        [PgQueuerTable().job_of({"id": 99, "priority": 0, "created": AT_NOON, "entrypoint": "mail",
                                 "payload": None, "dedupe_key": "taken"})],
        ConflictResolution.RAISE,
    )  # fmt: skip
    await theirs.execute(
        "INSERT INTO pgqueuer (priority, execute_after, entrypoint, dedupe_key, headers) VALUES "
        "(-2147483648, now(), 'mail', NULL, NULL), (0, 'infinity', 'mail', NULL, NULL), "
        "(0, now(), 'mail', 'taken', NULL), (0, now(), '', NULL, NULL), (0, now(), 'mail', NULL, '[]'), "
        "(0, now(), 'mail', NULL, NULL)"
    )
    counts = await move_jobs(scheduler.client, theirs, PgQueuerTable())
    assert counts.imported == 1
    assert {one.source_id: one.reason.split(":")[0] for one in counts.refusals} == {
        "1": "its priority -2147483648 is out of range",
        "2": "its time cannot be",
        "3": "its dedupe key 'taken' is that of job pgqueuer",
        "4": "task",
        "5": "headers",
    }
    assert counts.left == {"queued": 5}
    assert counts.seen == 6


async def test_a_job_that_is_stored_here_already_is_not_taken_out_there(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue
) -> None:
    await add(theirs, source, 1)
    await copy_jobs(scheduler.client, theirs, source)
    counts = await move_jobs(scheduler.client, theirs, source)
    assert [one.reason.split(",")[0] for one in counts.refusals] == ["it is stored here already"]
    assert counts.left == {source.waits_as: 1}


async def test_what_their_worker_holds_is_passed_over(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue, dsn: str
) -> None:
    await add(theirs, source, 3)
    worker = await asyncpg.connect(dsn)
    async with worker.transaction():
        await worker.execute(f"SELECT FROM {table_of(source)} WHERE id = 2 FOR UPDATE")
        counts = await move_jobs(scheduler.client, theirs, source)
    await worker.close()
    assert (counts.imported, counts.left) == (2, {source.waits_as: 1})


async def test_a_failure_leaves_every_job_in_one_table(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch fails after its jobs were stored: two batches are here, the rest is there."""
    await add(theirs, source, 10)
    delete, calls = source.delete, list[int]()

    async def failing(connection: asyncpg.Connection, numbers: Sequence[int]) -> None:
        calls.append(len(numbers))
        if len(calls) == 3:
            raise OSError("killed")
        await delete(connection, numbers)

    monkeypatch.setattr(source, "delete", failing)
    with pytest.raises(OSError, match="killed"):
        await move_jobs(scheduler.client, theirs, source, batch=2)
    assert len(await ids(scheduler)) == 4
    assert await source.counts(theirs) == {source.waits_as: 6}


async def test_a_lock_that_is_in_use_there_keeps_all_its_jobs(
    scheduler: Scheduler, theirs: asyncpg.Connection, dsn: str
) -> None:
    """Else one side would run a job of the lock while the other runs another."""
    await theirs.execute(
        "INSERT INTO procrastinate_jobs (lock, status) VALUES ('runs', 'doing'), ('runs', 'todo'), "
        "('held', 'todo'), ('held', 'todo'), ('free', 'todo'), ('free', 'todo'), (NULL, 'doing')"
    )
    worker = await asyncpg.connect(dsn)
    async with worker.transaction():
        await worker.execute("SELECT FROM procrastinate_jobs WHERE id = 4 FOR UPDATE")
        counts = await move_jobs(scheduler.client, theirs, ProcrastinateTable(), batch=1)
    await worker.close()
    assert {one.source_id for one in counts.refusals} == {"2", "3"}
    assert {job.limit_key for job in await scheduler.jobs()} == {"free"}
    assert (await move_jobs(scheduler.client, theirs, ProcrastinateTable())).imported == 2


async def test_a_copy_can_be_repeated(
    scheduler: Scheduler, theirs: asyncpg.Connection, source: ForeignQueue
) -> None:
    await add(theirs, source, 5)
    first = await copy_jobs(scheduler.client, theirs, source, batch=2)
    await add(theirs, source, 1)
    again = await copy_jobs(scheduler.client, theirs, source, batch=2)
    assert (first.imported, first.known) == (5, 0)
    assert (again.imported, again.known, again.seen) == (1, 5, 6)
    assert len(await ids(scheduler)) == 6
    assert again.left == {source.waits_as: 6}


async def test_a_database_without_the_table_is_refused(
    scheduler: Scheduler, sql: asyncpg.Connection, source: ForeignQueue
) -> None:
    with pytest.raises(ConfigurationError, match=rf"there is no table public\.{table_of(source)}: nothing"):
        await move_jobs(scheduler.client, sql, source)
    await sql.execute(f"CREATE TABLE {table_of(source)} (id bigint)")
    with pytest.raises(ConfigurationError, match=r"has no column .*status"):
        await move_jobs(scheduler.client, sql, source)
