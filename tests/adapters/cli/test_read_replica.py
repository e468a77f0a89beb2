"""A real replica that lags: what is read there, what is said about it, and that changes go to the primary."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pg_scheduler import JobStatus, Queries, Scheduler
from pg_scheduler.client.source import Library
from pg_scheduler.domain.selection import Selection
from pg_scheduler_prometheus import DatabaseMetrics
from tests.adapters.cli.conftest import Pgq
from tests.adapters.prometheus.test_database_metrics import samples
from tests.adapters.web.browsing import Browser
from tests.support.cluster import Cluster, missing_for_cluster

pytestmark = pytest.mark.slow

READING = (
    "jobs list", "jobs show {id}", "stats", "top --rounds 1", "workers list", "failures list", "queues list",
    "tasks list", "schedules list", "schedules show hourly", "schedules next hourly", "vacuum stats", "audit",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Its replica hears nothing any more once it has a job and a schedule."""
    missing = missing_for_cluster()
    if missing:
        pytest.skip(missing)
    with Cluster(synchronous=False) as made:
        yield made


async def nothing() -> None:
    """A task."""


async def test_what_is_read_from_a_replica_is_as_old_as_it_says(
    cluster: Cluster, lone_pgq: Pgq, library: Library
) -> None:
    cluster.primary.sql("DROP SCHEMA public CASCADE")
    cluster.primary.sql("CREATE SCHEMA public")
    if not cluster.whole:
        cluster.hear_again()
    names: dict[str, Any] = {"schema": "public", "library": library}
    dsn, read_dsn = cluster.primary.dsn, cluster.replica.dsn
    async with Scheduler.connect(dsn, read_dsn=read_dsn, periodic_jobs_enabled=False, **names) as scheduler:
        scheduler.register(nothing, name="mail")
        await scheduler.add_schedule("mail", every=timedelta(hours=1), key="hourly")
        known = await scheduler.enqueue("mail")
        assert await known.wait(timeout=10) is JobStatus.COMPLETED
        cluster.catch_up()
        before = await scheduler.job(known)
        cluster.cut()
        cluster.whole = False
        new = await scheduler.enqueue("mail")
        assert await new.wait(timeout=10) is JobStatus.COMPLETED
        assert (await new.status(), await scheduler.job(new)) == (JobStatus.COMPLETED, None)
        assert await scheduler.job(known) == before
        found = await scheduler.replica()
        assert found is not None
        assert found.last_commit is not None
        assert found.age is not None
        assert timedelta(0) < found.age < datetime.now(UTC) - found.last_commit + timedelta(seconds=1)
        assert before is not None
        assert before.finished_at is not None
        assert found.last_commit >= before.finished_at
        assert len(await scheduler.list_schedules()) == 1
        engine = await scheduler.client.reader.insight.engine()
        assert engine is not None
        assert not engine.tried, "a standby refuses all of it, whatever its primary has"

        browser = Browser.of(scheduler)
        for path in ("/", "/jobs", "/failures", "/queues", "/tasks", "/schedules", "/workers", "/audit"):
            page = await browser.get(path)
            assert "Read from a replica, whose last commit is" in page.text, path
            assert "standby" not in page.text, path
        assert str(new) in (await browser.get("/job", id=new)).text
        assert str(new) not in (await browser.get("/jobs")).text

        metrics = DatabaseMetrics(scheduler.client.reader, scheduler.clock, primary=scheduler.driver)
        await metrics.refresh()
        told = samples(metrics)
        assert told["replica_last_commit_age_seconds",] > 0
        assert ("problems", "read_only", "error") not in told

    async with Queries(dsn, read_dsn=read_dsn, **names) as queries:
        assert await queries.retry([known, new]) == ["retried", "retried"]
        assert (await queries.count(Selection((JobStatus.PENDING,)))).number == 0
        assert await queries.cancel(status="pending") == 2

    for command in READING:
        said = await lone_pgq(
            *command.format(id=known).split(), "--schema", "public", "--library", library,
            "--dsn", dsn, "--read-dsn", read_dsn,
        )  # fmt: skip
        assert said.code == 0, (command, said)
        if command != "top --rounds 1":
            assert "read from a replica, whose last commit is" in said.err, command
    said = await lone_pgq(
        "jobs", "list", PG_SCHEDULER_READ_DSN=read_dsn, PG_SCHEDULER_DSN="host=nowhere.test"
    )
    assert (said.code, str(new) in said.out, str(known) in said.out) == (0, False, True)
    # A database that is named by hand is the one that is asked.
    said = await lone_pgq("jobs", "list", "--dsn", dsn, PG_SCHEDULER_READ_DSN="host=nowhere.test")
    assert (said.code, said.err, str(new) in said.out) == (0, "", True)
    said = await lone_pgq("metrics", "--once", "--dsn", dsn, "--read-dsn", read_dsn)
    assert "pg_scheduler_replica_last_commit_age_seconds" in said.out
