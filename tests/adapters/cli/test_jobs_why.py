"""`pgq jobs why`: what people see, and what programs can tell by the exit code."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from pg_scheduler.domain.workers import SignOfLife, WorkerProfile
from pg_scheduler.ports.leases import RenewRequest
from pg_scheduler.queries import Queries
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


async def test_it_says_what_holds_a_job_and_what_to_do(pgq: Pgq, queries: Queries) -> None:
    (job,) = await queries.enqueue("mail", queue="post")
    says = SignOfLife(profile=WorkerProfile(("mail",), capacity=3))
    renewal = RenewRequest("w", "host", 1, timedelta(minutes=1), (), says)
    await queries.driver.jobs.renew(renewal)
    ready = await pgq("jobs", "why", str(job)[:8])
    assert (ready.code, ready.out.splitlines()[0]) == (0, f"job {job}  mail  pending")
    assert ready.out.splitlines()[1].startswith("  x  next  nothing holds it: w can take it")
    await queries.pause_queue("post")
    paused = await pgq("jobs", "why", str(job))
    assert paused.code == 1
    _, reason, fix, busy = paused.out.splitlines()
    assert reason.startswith("  x  paused  the queue 'post' has been paused for ")
    assert fix.split() == ["->", "pgq", "queues", "resume", "post"]
    assert busy.split()[:2] == [".", "busy"]
    document = json.loads((await pgq("jobs", "why", str(job), "--json")).out)
    assert (document["id"], document["act"]) == (str(job), True)
    assert [one["code"] for one in document["reasons"] if one["holds"]] == ["paused"]


async def test_one_that_is_not_there_is_told_so(pgq: Pgq, queries: Queries) -> None:
    await queries.install()
    said = await pgq("jobs", "why", "nope")
    assert said.code == 1
    assert said.out.splitlines()[0] == "job nope  not found"
