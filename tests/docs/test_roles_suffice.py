"""The rights that the page on deploying grants are enough, and no more than it says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from pg_scheduler import DatabaseError, JobStatus, Scheduler
from pg_scheduler.client.source import Library
from tests.docs.pages import ROOT, blocks


def _grants() -> str:
    page = ROOT / "docs" / "guides" / "deploying.md"
    (text,) = (block.text for block in blocks(page) if block.language == "sql" and "GRANT" in block.text)
    return text


@pytest.fixture
async def granted(dsn: str) -> AsyncIterator[str]:
    """A database with tables in the schema `jobs`, and the page's roles."""
    owner = Scheduler.connect(dsn, schema="jobs")
    await owner.initialize_db()
    await owner.shutdown()
    connection = await asyncpg.connect(dsn)
    await connection.execute(_grants())
    yield dsn
    for role in ("jobs_worker", "jobs_producer"):
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    await connection.close()


async def fail_once(seen: list[int]) -> str:
    raise ValueError("so that history is written")


async def test_a_worker_and_a_producer_live_with_their_grants(granted: str, library: Library) -> None:
    producer = Scheduler.connect(
        granted.replace("postgres@", "jobs_producer@"), schema="jobs", library=library
    )
    worker = Scheduler.connect(granted.replace("postgres@", "jobs_worker@"), schema="jobs", library=library)
    worker.register(fail_once)
    async with worker:
        job = await producer.schedule(fail_once, execution_time=datetime.now(UTC), args=([],))
        assert await job.wait(timeout=30) is JobStatus.FAILED
    with pytest.raises(DatabaseError, match="permission denied"):
        await producer.cancel_job(job)
    await producer.shutdown()
