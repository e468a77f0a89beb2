"""Three roles, each with what it needs and nothing else, on a real server, by both libraries."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from pg_scheduler import (
    ConflictResolution,
    DatabaseError,
    InvalidInput,
    JobFailed,
    JobStatus,
    PgQueuer,
    Queries,
    RetryPolicy,
    Scheduler,
    VacuumConfig,
    VacuumPolicy,
    current_job,
)
from pg_scheduler.client.source import Library
from pg_scheduler.domain.schedule import window_job_id
from pg_scheduler.domain.states import JobEvent
from pg_scheduler.domain.verdict import Settlement, Verdict
from pg_scheduler.ports.claims import ClaimRequest
from pg_scheduler.ports.leases import ReclaimRequest
from pg_scheduler_postgres.roles import RoleNames, roles_sql
from tests.adapters.cli.apps import PGQ
from tests.adapters.cli.conftest import run
from tests.docs.test_roles_suffice import _grants
from tests.engine.completions.conftest import TRANSACTIONS
from tests.support.running import eventually, past

_serial = itertools.count(1)


@dataclass(frozen=True)
class Roles:
    """The roles of one test, with a database whose tables are in the schema `jobs`."""

    dsn: str
    names: RoleNames
    library: Library

    def scheduler(self, role: str, **options: Any) -> Scheduler:
        """A scheduler that logs in as a role."""
        return Scheduler.connect(self.dsn_of(role), schema="jobs", library=self.library, **options)

    def dsn_of(self, role: str) -> str:
        """A connection string for a role."""
        return self.dsn.replace("postgres@", f"{role}@")


@pytest.fixture
async def roles(dsn: str, library: Library, sql: asyncpg.Connection) -> AsyncIterator[Roles]:
    """Made by what the command prints."""
    serial = next(_serial)
    names = RoleNames(f"admin_{serial}", f"worker_{serial}", f"producer_{serial}")
    owner = Scheduler.connect(dsn, schema="jobs")
    await owner.initialize_db()
    await owner.shutdown()
    await sql.execute(roles_sql("jobs", names))
    yield Roles(dsn, names, library)
    for role in (names.admin, names.worker, names.producer):
        await sql.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


async def shout(text: str) -> str:
    return text.upper()


async def stumble() -> None:
    raise ValueError("with a traceback")


async def denied(call: Any) -> bool:
    """True if the server refused; nothing else may go wrong."""
    try:
        await call
    except (DatabaseError, asyncpg.InsufficientPrivilegeError) as error:
        return "permission denied" in str(error) or "must be owner" in str(error)
    return False


async def test_a_producer_stores_jobs_and_reads_its_handles(roles: Roles) -> None:
    producer = roles.scheduler(roles.names.producer)
    queries = Queries(producer)
    worker = roles.scheduler(roles.names.worker)
    worker.register(shout)
    worker.register(stumble)
    async with worker:
        done = await producer.schedule(shout, execution_time=past(), args=("hi",), store_result=True)
        failed = await producer.schedule(stumble, execution_time=past())
        both = await producer.schedule_bulk([])
        (queued,) = await queries.enqueue("nobody", b"payload", dedupe_key="once", headers={"a": 1})
        (same,) = await queries.enqueue("nobody", b"payload", dedupe_key="once", on_duplicate="ignore")
        assert await done.result(timeout=45) == "HI"
        assert await failed.wait(timeout=45) is JobStatus.FAILED
        with pytest.raises(JobFailed, match="with a traceback"):
            await failed.result()
        assert (both, same, await queued.status()) == ([], queued, JobStatus.PENDING)
    await producer.shutdown()


async def test_a_producer_neither_runs_nor_ends_nor_changes_anything(roles: Roles) -> None:
    producer = roles.scheduler(roles.names.producer)
    job = await producer.schedule(shout, execution_time=past(), args=("hi",), job_id="mine")
    driver = producer.driver
    name = producer.task_for(shout).name
    request = ClaimRequest("thief", [name], 1, timedelta(minutes=1))
    told = Settlement(job, 0, "thief", Verdict(JobEvent.COMPLETE))
    for call in (
        driver.jobs.claim(request),
        driver.jobs.claim_lanes(request),
        driver.jobs.claim_job(job, request),
        driver.jobs.settle([told]),
        driver.jobs.settle([Settlement(job, 0, "thief", Verdict(JobEvent.FAIL))]),
        driver.jobs.reclaim_expired(ReclaimRequest(timedelta(minutes=1), 5)),
        driver.jobs.override_status(job, JobStatus.COMPLETED),
        driver.jobs.forget_worker("somebody"),
        driver.retention.prune(JobStatus.PENDING, VacuumPolicy.after_days(0), 10),
        driver.schema.uninstall(),
        producer.cancel_job(job),
        producer.schedule(
            shout,
            execution_time=past(),
            args=("x",),
            job_id="mine",
            conflict_resolution=ConflictResolution.REPLACE,
        ),
        producer.add_schedule(shout, every=timedelta(minutes=1), kwargs={"text": "x"}),
    ):
        assert await denied(call), call
    assert await job.status() is JobStatus.PENDING
    await producer.shutdown()


async def test_only_who_may_change_jobs_stores_one_under_the_id_of_a_window(roles: Roles) -> None:
    """It would stand in the window's place."""
    taken = window_job_id("nightly", past())
    producer, worker = roles.scheduler(roles.names.producer), roles.scheduler(roles.names.worker)
    with pytest.raises(DatabaseError, match="scheduled_jobs_window_ids"):
        await producer.schedule(shout, execution_time=past(), args=("x",), job_id=taken)
    assert await producer.schedule(shout, execution_time=past(), args=("x",), job_id=f"no {taken}")
    assert await worker.schedule(shout, execution_time=past(), args=("x",), job_id=taken) == taken
    await producer.shutdown()
    await worker.shutdown()


FORBIDDEN = {
    "producer": [
        "UPDATE jobs.scheduled_jobs SET priority = 0",
        "SELECT FROM jobs.scheduled_jobs FOR UPDATE",
        "DELETE FROM jobs.scheduled_jobs",
        "INSERT INTO jobs.scheduled_jobs (job_id, job_name, execution_time, status)"
        " VALUES ('done', 'x', now(), 'completed')",
        "INSERT INTO jobs.scheduled_jobs (job_id, job_name, execution_time, epoch)"
        " VALUES ('far', 'x', now(), 99)",
        "INSERT INTO jobs.scheduled_jobs (job_id, job_name, execution_time, schedule_key)"
        " VALUES ('run', 'x', 'infinity', 'nightly')",
        "INSERT INTO jobs.scheduled_jobs (job_id, job_name, execution_time, exclusive_key)"
        " VALUES ('run', 'x', now(), 'nightly')",
        "INSERT INTO jobs.scheduled_job_attempts (job_id, epoch) VALUES ('x', 1)",
        "DELETE FROM jobs.scheduled_job_attempts",
        "SELECT FROM jobs.scheduled_job_workers",
        "SELECT FROM jobs.scheduled_job_schedules",
        "UPDATE jobs.scheduled_job_limits SET paused = true",
    ],
    "worker": [
        "INSERT INTO jobs.scheduled_job_migrations (version, name) VALUES (99, 'x')",
        "DELETE FROM jobs.scheduled_job_migrations",
    ],
    "both": [
        "ALTER TABLE jobs.scheduled_jobs ADD COLUMN mine int",
        "ALTER TABLE jobs.scheduled_jobs OWNER TO CURRENT_USER",
        "DROP TABLE jobs.scheduled_jobs",
        "TRUNCATE jobs.scheduled_jobs",
        "CREATE TABLE jobs.mine ()",
        "CREATE FUNCTION jobs.unnest(text[]) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
        "CREATE INDEX ON jobs.scheduled_jobs (priority)",
        "CREATE TRIGGER t BEFORE INSERT ON jobs.scheduled_jobs FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP SCHEMA jobs CASCADE",
    ],
}


@pytest.mark.parametrize("role", ["producer", "worker"])
async def test_what_a_role_may_not_do_the_server_refuses(roles: Roles, role: str) -> None:
    connection = await asyncpg.connect(roles.dsn_of(getattr(roles.names, role)))
    allowed = [
        statement
        for statement in FORBIDDEN[role] + FORBIDDEN["both"]
        if not await denied(connection.execute(statement))
    ]
    await connection.close()
    assert allowed == []


async def test_a_worker_does_all_of_running(roles: Roles) -> None:
    """Retries and history, limits, schedules, locks, progress, cancelling, recovery, retention, completion in
    a transaction: with the worker's rights alone."""
    keep = VacuumConfig(completed=VacuumPolicy.keep_last(1))
    worker = roles.scheduler(
        roles.names.worker, vacuum_config=keep, retry_policy=RetryPolicy(base=timedelta(0))
    )
    pgq = PgQueuer(worker)
    seen: list[str] = []

    @pgq.entrypoint("limited", concurrency_limit=1, retry=1)
    async def limited(job: Any) -> None:
        seen.append("limited")
        current_job().progress(1, 2)
        if job.attempt == 1:
            raise OSError

    @pgq.entrypoint("own transaction")
    async def own_transaction(job: Any) -> None:
        async with TRANSACTIONS[roles.library](roles.dsn_of(roles.names.worker)) as connection:
            await current_job().complete_in(connection)

    @pgq.schedule("tick", "* * * * *", use_advisory_lock=True)
    async def tick(schedule: Any) -> None:
        seen.append("tick")

    async with worker:
        (first,) = await pgq.queries.enqueue("limited")
        assert await first.wait(timeout=45) is JobStatus.COMPLETED
        hanging = await worker.schedule(hang, execution_time=past())
        await eventually(lambda: is_in(hanging, JobStatus.RUNNING))
        assert await hanging.cancel()
        assert await hanging.wait(timeout=45) is JobStatus.CANCELLED
        await pgq.queries.pause_task("limited")
        await pgq.queries.resume_task("limited")
        (schedule,) = await worker.list_schedules()
        triggered = await worker.trigger_periodic_job(schedule.key)
        assert triggered is not None
        await eventually(lambda: "tick" in seen)
        await worker.pause_schedule(schedule.key)
        await worker.resume_schedule(schedule.key)
        (mine,) = await pgq.queries.enqueue("own transaction")
        assert await mine.wait(timeout=45) is JobStatus.COMPLETED
        await worker.recover_orphaned_jobs()
        await worker.driver.retention.prune(JobStatus.COMPLETED, VacuumPolicy.after_days(0), 10)
    assert seen.count("limited") == 2


async def hang() -> None:
    await asyncio.sleep(3600)


async def is_in(handle: Any, status: JobStatus) -> bool:
    return await handle.status() is status


async def test_an_admin_heals_and_upgrades_and_a_worker_cannot(roles: Roles, sql: asyncpg.Connection) -> None:
    await sql.execute("DROP INDEX jobs.scheduled_jobs_waiting")
    worker, admin = roles.scheduler(roles.names.worker), roles.scheduler(roles.names.admin)
    assert await denied(worker.initialize_db())
    await admin.initialize_db()
    assert (await admin.driver.schema.status()).current
    await worker.initialize_db()
    await sql.execute("DROP TABLE jobs.scheduled_job_lanes")
    await admin.initialize_db()
    await sql.execute(roles_sql("jobs", roles.names))  # a new table: applied again, as the page says
    await worker.initialize_db()
    assert (await worker.driver.jobs.claim_lanes(ClaimRequest("w", ["x"], 1, timedelta(1)))).jobs == ()
    await admin.driver.schema.uninstall()
    for scheduler in (worker, admin):
        await scheduler.shutdown()


PRIVILEGES = """
    SELECT grantee || ' ' || table_name || ' ' || privilege_type AS held
    FROM information_schema.role_table_grants WHERE table_schema = 'jobs' AND grantee = ANY ($1)
    UNION
    SELECT grantee || ' ' || table_name || '.' || column_name || ' ' || privilege_type
    FROM information_schema.role_column_grants
    WHERE table_schema = 'jobs' AND grantee = ANY ($1) AND privilege_type IN ('INSERT', 'UPDATE')
    ORDER BY 1
"""


async def test_applied_again_it_takes_away_what_is_too_much(roles: Roles, sql: asyncpg.Connection) -> None:
    pair = [roles.names.worker, roles.names.producer]
    before = await sql.fetch(PRIVILEGES, pair)
    await sql.execute(
        f"GRANT ALL ON ALL TABLES IN SCHEMA jobs TO {pair[0]}, {pair[1]}; "
        "GRANT SELECT ON jobs.scheduled_jobs TO PUBLIC"
    )
    assert await sql.fetch(PRIVILEGES, pair) != before
    await sql.execute(roles_sql("jobs", roles.names))
    assert await sql.fetch(PRIVILEGES, pair) == before
    assert not await sql.fetch(PRIVILEGES, ["PUBLIC"])


async def test_the_page_shows_what_the_command_prints(dsn: str, sql: asyncpg.Connection) -> None:
    owner = Scheduler.connect(dsn, schema="jobs")
    await owner.initialize_db()
    await owner.shutdown()
    pair = ["jobs_worker", "jobs_producer"]
    try:
        await sql.execute(_grants())
        on_the_page = await sql.fetch(PRIVILEGES, pair)
        printed = await run(PGQ, "db", "roles", "--schema", "jobs")
        assert (printed.code, printed.err) == (0, "")
        await sql.execute(printed.out)
        assert await sql.fetch(PRIVILEGES, pair) == on_the_page
        assert len(on_the_page) > 40
    finally:
        for role in (*pair, "jobs_admin"):
            await sql.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


HOSTILE = ['a"; DROP TABLE canary; --', "a$role$b", "a'b", "$role_$$role$", "MiXed", "select", "%s {} :x"]


@pytest.mark.parametrize("name", HOSTILE)
async def test_roles_and_schemas_may_be_called_anything(dsn: str, sql: asyncpg.Connection, name: str) -> None:
    serial = next(_serial)
    names = RoleNames(f"{name}{serial}a", f"{name}{serial}w", f"{name}{serial}p")
    await sql.execute("CREATE TABLE canary ()")
    owner = Scheduler.connect(dsn, schema=name)
    await owner.initialize_db()
    await owner.shutdown()
    for _ in range(2):
        await sql.execute(roles_sql(name, names))
    made = await sql.fetch("SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)", list(vars_of(names)))
    for role in vars_of(names):
        quoted = '"' + role.replace('"', '""') + '"'
        await sql.execute(f"DROP OWNED BY {quoted} CASCADE; DROP ROLE {quoted}")
    assert len(made) == 3
    assert await sql.fetchval("SELECT to_regclass('canary')") == "canary"


def vars_of(names: RoleNames) -> tuple[str, str, str]:
    return names.admin, names.worker, names.producer


@pytest.mark.parametrize("name", ["", "x" * 64, "a\nb", "a\x00b"])
def test_what_cannot_be_an_identifier_is_refused_as_a_role(name: str) -> None:
    fine = ("a", "b", "c")
    for position in range(3):
        names = RoleNames(*(name if at == position else one for at, one in enumerate(fine)))
        with pytest.raises(InvalidInput, match=("admin", "worker", "producer")[position]):
            roles_sql("jobs", names)
    with pytest.raises(InvalidInput, match="schema"):
        roles_sql(name, RoleNames(*fine))
