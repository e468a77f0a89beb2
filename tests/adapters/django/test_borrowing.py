"""Jobs in the transaction that Django has open, by `connection=` and with Django as the source."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction

from pg_scheduler import Borrowed, InvalidInput, JobAlreadyExists, Scheduler, SyncQueries, SyncScheduler
from tests.support.running import past


async def mail(number: int = 0) -> None: ...


def jobs(dsn: str) -> list[str]:
    """What others see."""
    with psycopg.connect(dsn) as beside:
        return [row[0] for row in beside.execute("SELECT job_id FROM scheduled_jobs ORDER BY job_id")]


class Undo(Exception):
    """Ends a block without a commit."""


@pytest.mark.parametrize("handle", [connection, "default", None], ids=["connection", "alias", "source"])
def test_jobs_share_the_fate_of_their_atomic_block(django_dsn: str, handle: Any) -> None:
    scheduler = SyncScheduler("default" if handle is None else django_dsn)

    def store(job_id: str) -> None:
        scheduler.schedule(mail, job_id=job_id, connection=handle)

    with transaction.atomic(durable=True):
        store("first")  # Django has not even connected yet
        assert jobs(django_dsn) == []
        with suppress(Undo), transaction.atomic():
            store("undone")
            raise Undo
        with transaction.atomic():
            store("second")
        with pytest.raises(JobAlreadyExists):
            store("first")
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    assert jobs(django_dsn) == ["first", "second"]
    with suppress(Undo), transaction.atomic():
        store("third")
        raise Undo
    assert jobs(django_dsn) == ["first", "second"]


def test_outside_of_atomic_nothing_is_committed_unless_that_is_said(django_dsn: str) -> None:
    queries = SyncQueries(django_dsn)
    for handle in (connection, connections["default"], "default"):
        with pytest.raises(InvalidInput, match=r"no transaction open.*transaction.atomic\(\)"):
            queries.enqueue("mail", connection=handle)
        queries.enqueue("mail", connection=Borrowed(handle, autocommit=True))
    assert len(jobs(django_dsn)) == 3


def test_a_source_commits_each_call_by_itself_and_survives_closed_connections(django_dsn: str) -> None:
    queries = SyncQueries(connection)
    for _ in range(2):
        queries.enqueue("mail")
        connection.close()
    assert len(jobs(django_dsn)) == 2


async def test_an_event_loop_is_told_where_to_call_from(django_dsn: str) -> None:
    scheduler = Scheduler(django_dsn)

    def request() -> None:
        with transaction.atomic():
            SyncScheduler("default").schedule(mail, connection=connection)

    with pytest.raises(InvalidInput, match="sync_to_async"):
        await scheduler.schedule(mail, execution_time=past(), connection="default")
    await sync_to_async(request)()
    assert len(jobs(django_dsn)) == 1
    await sync_to_async(connections.close_all)()
    await scheduler.shutdown()


def test_what_leads_to_no_postgresql_is_refused(django_dsn: str) -> None:
    queries = SyncQueries(django_dsn)
    with pytest.raises(InvalidInput, match=r"'file' is sqlite\. Jobs need PostgreSQL"):
        queries.enqueue("mail", connection=connections["file"])
    with pytest.raises(InvalidInput, match=r"no alias 'other'.* It has: default, file"):
        queries.enqueue("mail", connection="other")


def test_a_worker_connects_with_the_settings_of_an_alias(django_dsn: str) -> None:
    async def work() -> None:
        async with Scheduler("default") as scheduler:
            handle = await scheduler.schedule(mail, execution_time=past())
            assert await handle.wait(timeout=30) == "completed"

    asyncio.run(work())
    assert len(jobs(django_dsn)) == 1
