"""`pgq queues` and `pgq run --queues`: what waits where, and who serves it."""

from __future__ import annotations

import json

import pytest

from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


@pytest.fixture(autouse=True)
async def _tables(queries: Queries) -> None:
    """Commands make none."""
    await queries.install()


async def test_the_list_counts_what_is_unfinished_by_queue(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue(["letter", "parcel", "letter"], [None] * 3, queue=["mail", "mail", None])
    await queries.mark_job_as_cancelled(await queries.enqueue("letter", queue="gone"))
    await queries.pause_queue("rest")
    found = json.loads((await pgq("queues", "list", "--json")).out)
    assert [(one["queue"], one["pending"], one["paused"]) for one in found] == [
        ("default", 1, False), ("mail", 2, False), ("rest", 0, True),
    ]  # fmt: skip
    assert [one["paused_since"] is None for one in found] == [True, True, False]
    table = (await pgq("queues", "list")).out.splitlines()
    assert [line.split() for line in table[1:]] == [
        ["default", "1", "0", "0", "active", "-", "-"],
        ["mail", "2", "0", "0", "active", "-", "-"],
        ["rest", "0", "0", "0", "paused", "-", "-"],
    ]


async def test_a_queue_is_paused_and_resumed_with_a_warning_where_it_holds_nothing(
    pgq: Pgq, queries: Queries
) -> None:
    await queries.enqueue("letter", queue="mail")
    said = await pgq("queues", "pause", "mail", "male")
    assert (said.code, said.out) == (0, "paused mail\npaused male\n")
    assert said.err == "pgq: no job is in the queue 'male': is it spelled right?\n"
    assert "mail was already paused" in (await pgq("queues", "pause", "mail")).out
    resumed = json.loads((await pgq("queues", "resume", "mail", "other", "--json")).out)
    assert resumed == [
        {"queue": "mail", "paused": False, "changed": True},
        {"queue": "other", "paused": False, "changed": False},
    ]


async def test_a_queue_is_limited_and_that_is_listed_and_ended(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue("letter", queue="mail")
    said = await pgq("queues", "limit", "mail", "--concurrency", "5", "--rate", "2.5")
    assert (said.code, said.err) == (0, "")
    assert said.out == "mail is now limited: at most 5 at once, at most 2.5 starts per second\n"
    again = await pgq("queues", "limit", "mail", "--concurrency", "5", "--rate", "2.5")
    assert again.out.startswith("mail was already limited")
    assert (await pgq("queues", "list")).out.splitlines()[1].split()[-2:] == ["5", "2.5"]
    (listed,) = json.loads((await pgq("queues", "list", "--json")).out)
    assert (listed["concurrency_limit"], listed["requests_per_second"]) == (5, 2.5)
    ended = json.loads((await pgq("queues", "limit", "mail", "--clear", "--json")).out)
    assert ended == {
        "queue": "mail", "concurrency_limit": None, "requests_per_second": None, "changed": True,
    }  # fmt: skip
    assert (await pgq("queues", "limit", "mail", "--clear")).out == "mail had no limits\n"


async def test_limits_that_cannot_be_are_refused_and_a_queue_without_jobs_is_warned_of(pgq: Pgq) -> None:
    for options in ([], ["--clear", "--rate", "1"]):
        refused = await pgq("queues", "limit", "mail", *options)
        assert (refused.code, "--clear, which ends both" in refused.err) == (2, True)
    refused = await pgq("queues", "limit", "mail", "--concurrency", "0")
    assert (refused.code, "concurrency_limit" in refused.err) == (2, True)
    said = await pgq("queues", "limit", "male", "--concurrency", "1")
    assert said.err == "pgq: no job is in the queue 'male': is it spelled right?\n"


async def test_purging_cancels_what_waits_in_that_queue_alone(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue(["letter"] * 3, [None] * 3, queue=["mail", "mail", "other"])
    declined = await pgq("queues", "purge", "mail", stdin="n\n")
    assert (declined.code, declined.out) == (1, "")
    assert "Cancel 2 jobs that wait in 'mail'?" in declined.err
    assert len(await queries.jobs(status="pending")) == 3
    assert (await pgq("queues", "purge", "mail", "--yes")).out == "cancelled 2 jobs of mail\n"
    assert [job.queue for job in await queries.jobs(status="pending")] == ["other"]
    again = json.loads((await pgq("queues", "purge", "mail", "--json")).out)
    assert again == {"queue": "mail", "cancelled": 0}


async def test_a_job_is_enqueued_in_a_queue(pgq: Pgq, queries: Queries) -> None:
    enqueued = await pgq("jobs", "enqueue", "letter", "--queue", "mail")
    job = await queries.job(enqueued.out.strip())
    assert job is not None
    assert job.queue == "mail"


async def test_jobs_are_listed_by_queue(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue(["letter"] * 2, [b"1", b"2"], queue=["mail", None])
    (listed,) = json.loads((await pgq("jobs", "list", "--queue", "mail", "--json")).out)
    assert listed["queue"] == "mail"
    headings, line = (await pgq("jobs", "list", "--queue", "mail")).out.splitlines()
    assert line.split()[headings.split().index("QUEUE")] == "mail"
