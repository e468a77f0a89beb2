"""`pgq tasks`: what waits where, and pauses that hold for every worker."""

from __future__ import annotations

import json

import pytest

from pg_scheduler import JobStatus, PgQueuer
from pg_scheduler.models import Job
from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq
from tests.support.running import eventually


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


@pytest.fixture(autouse=True)
async def _tables(queries: Queries) -> None:
    """Commands make none."""
    await queries.install()


async def test_the_list_counts_what_is_unfinished_by_entrypoint(pgq: Pgq, queries: Queries, dsn: str) -> None:
    await queries.enqueue(["mail", "mail", "bill"], [None] * 3, [0, 5, 0])
    await queries.mark_job_as_cancelled(await queries.enqueue("gone"))
    await queries.pause_task("rest")
    app = PgQueuer(dsn)
    app.entrypoint("bill", concurrency_limit=2, requests_per_second=0.001)(_bill)
    async with app:
        await eventually(lambda: _ran)
    listed = json.loads((await pgq("tasks", "list", "--json")).out)
    counted = {"running": 0, "failed": 0, "pending_exact": True, "failed_exact": True}
    assert listed == [
        {"entrypoint": "bill", "pending": 0, **counted, "paused": False,
         "concurrency_limit": 2, "requests_per_second": 0.001},
        {"entrypoint": "mail", "pending": 2, **counted, "paused": False,
         "concurrency_limit": None, "requests_per_second": None},
        {"entrypoint": "rest", "pending": 0, **counted, "paused": True,
         "concurrency_limit": None, "requests_per_second": None},
    ]  # fmt: skip
    table = (await pgq("tasks", "list")).out.splitlines()
    assert [line.split()[:5] for line in table[2:]] == [
        ["mail", "2", "0", "0", "active"],
        ["rest", "0", "0", "0", "paused"],
    ]


_ran: list[str] = []


async def _bill(job: Job) -> None:
    _ran.append(job.id)


async def test_a_running_worker_leaves_a_paused_entrypoint_alone_until_it_is_resumed(
    pgq: Pgq, queries: Queries, dsn: str
) -> None:
    ran: list[str] = []
    app = PgQueuer(dsn)

    @app.entrypoint("mail")
    async def mail(job: Job) -> None:
        ran.append("mail")

    @app.entrypoint("bill")
    async def bill(job: Job) -> None:
        ran.append("bill")

    async with app:
        paused = await pgq("tasks", "pause", "mail", "tax")
        assert (paused.code, paused.out) == (0, "paused mail\npaused tax\n")
        assert "was already paused" in (await pgq("tasks", "pause", "mail")).out
        await queries.enqueue(["mail", "bill"], [None, None], [5, 0])
        await eventually(lambda: ran)
        await app.scheduler.worker.steps.claim_and_start()
        assert ran == ["bill"]
        resumed = json.loads((await pgq("tasks", "resume", "mail", "zzz", "--json")).out)
        assert resumed == [
            {"entrypoint": "mail", "paused": False, "changed": True},
            {"entrypoint": "zzz", "paused": False, "changed": False},
        ]
        await eventually(lambda: ran == ["bill", "mail"])


async def test_the_list_shows_entrypoints_whose_jobs_have_all_failed(pgq: Pgq, queries: Queries) -> None:
    for job in await queries.enqueue("bill", [None, None]):
        await queries.client.override_status(job, JobStatus.FAILED)
    (listed,) = json.loads((await pgq("tasks", "list", "--json")).out)
    assert (listed["entrypoint"], listed["failed"], listed["pending"]) == ("bill", 2, 0)
    headings, line = (await pgq("tasks", "list")).out.splitlines()
    assert line.split()[headings.split().index("FAILED")] == "2"


async def test_a_name_that_no_job_has_is_paused_with_a_warning(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue("mail")
    said = await pgq("tasks", "pause", "mail", "nope")
    assert (said.code, said.out) == (0, "paused mail\npaused nope\n")
    assert said.err == "pgq: no job is named 'nope', and no limits: is it spelled right?\n"
    assert (await pgq("tasks", "pause", "nope")).err == "", "its pause is known by now"
