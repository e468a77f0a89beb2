"""What people who look or act may do, and no more."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pg_scheduler import DatabaseError, JobStatus, Scheduler
from pg_scheduler.domain.audit import Actor
from pg_scheduler.domain.workers import WishAnswer, WorkerWish
from pg_scheduler_postgres.operating_roles import operator_sql, reader_sql, views_schema

_serial = itertools.count(1)
ADA = Actor("ada", "test")


@pytest.fixture
def library() -> str:
    return "asyncpg"


@pytest.fixture
async def owner(dsn: str) -> AsyncIterator[Scheduler]:
    """With tables in the schema `jobs`, and a job that waits with a secret."""
    scheduler = Scheduler(dsn, schema="jobs")
    scheduler.register(_send, name="mail")
    await scheduler.initialize_db()
    yield scheduler
    await scheduler.shutdown()


async def _role(sql: asyncpg.Connection, text: str) -> None:
    await sql.execute(text)
    await sql.execute(text)  # safe to repeat


def _as(dsn: str, role: str, schema: str) -> Scheduler:
    return Scheduler(dsn.replace("postgres@", f"{role}@"), schema=schema)


async def test_a_reader_sees_all_but_what_is_private_and_changes_nothing(
    owner: Scheduler, dsn: str, sql: asyncpg.Connection
) -> None:
    name = f"reader_{next(_serial)}"
    await _role(sql, reader_sql("jobs", name))
    job = await owner.enqueue(_send, "hush")
    await owner.add_schedule(_send, key="nightly", cron="0 3 * * *", args=("hush",))
    reader = _as(dsn, name, views_schema("jobs", name))
    client = reader.client
    record = await client.record(str(job))
    assert (record.task_name, record.task_data, record.status) == ("mail", "{}", JobStatus.PENDING)
    assert len(await client.jobs()) == 1
    assert [one.new.key for one in await reader.driver.schedules.list_schedules()] == ["nightly"]
    assert (await reader.driver.schema.status()).current
    assert "no_workers" in [one.code for one in await client.problems()]
    assert (await reader.driver.insight.depths()).tasks[0].due == 1
    for forbidden in (
        client.pause_task("mail", True), client.cancel([str(job)]), reader.enqueue(_send, "x"),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match=r"permission denied|cannot insert"):
            await forbidden
    raw = await asyncpg.connect(dsn.replace("postgres@", f"{name}@"))
    for table in ("scheduled_jobs", "scheduled_job_schedules"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw.fetch(f"SELECT task_data FROM jobs.{table}")
    await raw.close()
    await reader.shutdown()
    await sql.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


async def test_an_operator_steers_and_cannot_change_what_a_job_runs(
    owner: Scheduler, dsn: str, sql: asyncpg.Connection
) -> None:
    name = f"operator_{next(_serial)}"
    await _role(sql, operator_sql("jobs", name))
    job = await owner.enqueue(_send, "x")
    await owner.worker.services.lease_keeper.renew_now()
    operator = _as(dsn, name, "jobs")
    client = operator.client
    assert (await client.why(str(job)))[0].holds
    assert await client.pause_task("mail", True, by=ADA)
    assert await client.pause_task("mail", False, by=ADA)
    assert await client.pause_queue("default", True, by=ADA)
    assert await client.pause_queue("default", False, by=ADA)
    assert await client.limit_queue("default", 3, None, by=ADA)
    assert await client.ask_worker(owner.worker_id, WorkerWish.QUIET, by=ADA) is WishAnswer.CHANGED
    await client.cancel([str(job)], by=ADA)
    assert (await client.record(str(job))).status is JobStatus.CANCELLED
    await client.retry([str(job)], by=ADA)
    assert (await client.record(str(job))).status is JobStatus.PENDING
    assert len(await client.audit()) == 8
    with pytest.raises(DatabaseError, match="permission denied"):
        await operator.enqueue(_send, "x")
    raw = await asyncpg.connect(dsn.replace("postgres@", f"{name}@"))
    for forbidden in (
        "UPDATE jobs.scheduled_jobs SET job_name = 'os:system'",
        "UPDATE jobs.scheduled_jobs SET task_data = '{}'",
        "UPDATE jobs.scheduled_job_schedules SET task_data = '{}'",
        "DELETE FROM jobs.scheduled_jobs",
        "DELETE FROM jobs.scheduled_job_audit",
        "UPDATE jobs.scheduled_job_audit SET actor = 'somebody else'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw.execute(forbidden)
    await raw.close()
    await operator.shutdown()
    await sql.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


async def _send(text: str) -> None:
    pass
