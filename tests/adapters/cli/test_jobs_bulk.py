"""`pgq jobs list|cancel|retry` by what jobs have in common: counted, asked, and no others touched."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from pg_scheduler import JobStatus
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.queries import Queries
from pg_scheduler_cli.main import main
from pg_scheduler_cli.times import read_time
from tests.adapters.cli.conftest import Pgq


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


async def failed(queries: Queries, number: int, task: str = "mail") -> list[str]:
    """So many jobs that have failed."""
    jobs = [str(job) for job in await queries.enqueue([task] * number, [None] * number)]
    for job in jobs:
        await queries.client.override_status(job, JobStatus.FAILED)
    return jobs


async def test_matching_jobs_are_counted_and_retried_once_somebody_agrees(pgq: Pgq, queries: Queries) -> None:
    mail, bill = await failed(queries, 3), await failed(queries, 1, "bill")
    chosen = ("jobs", "retry", "--status", "failed", "--task", "mail", "--since", "1h")
    dry = await pgq(*chosen, "--dry-run")
    assert (dry.code, dry.out, dry.err) == (0, "", "retry would change 3 jobs that match\n")
    declined = await pgq(*chosen, stdin="n\n")
    assert (declined.code, declined.out) == (1, "")
    assert "Retry 3 jobs that match?" in declined.err
    assert len(await queries.jobs(status="failed")) == 4
    done = await pgq(*chosen, "--at-most", "2", stdin="y\n")
    assert (done.code, done.out) == (0, "2 jobs: is pending again\n")
    assert "Retry the 2 newest of more jobs that match?" in done.err
    rest = json.loads((await pgq(*chosen, "--yes", "--json")).out)
    assert [one["answer"] for one in rest] == ["retried"]
    assert {job.job_id for job in await queries.jobs(status="pending")} == set(mail)
    assert [job.job_id for job in await queries.jobs(status="failed")] == bill
    nothing = await pgq(*chosen, "--yes")
    assert (nothing.code, nothing.err) == (0, "No job matches.\n")


async def test_matching_jobs_are_cancelled_and_the_record_counts_them(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue(["mail"] * 3, [None] * 3, queue=["a", "a", "b"])
    cancelled = await pgq("jobs", "cancel", "--queue", "a", "--yes")
    assert (cancelled.code, cancelled.out) == (0, "2 jobs: cancelled\n")
    (record,) = await queries.client.audit()
    assert (record.act, record.affected) == ("cancel jobs", 2)
    assert [job.queue for job in await queries.jobs(status="pending")] == ["b"]


async def test_nobody_means_every_job_by_accident(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue("mail")
    both, ended = ("cancel", "an id", "--task", "mail"), ("cancel", "--status", "failed")
    for words in (("cancel",), ("retry",), both, ended):
        refused = await pgq("jobs", *words)
        assert refused.code == 2, words
    assert len(await queries.jobs(status="pending")) == 1


async def test_what_a_bulk_cancel_did_is_undone_by_its_record(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue(["mail"] * 2 + ["bill"], [None] * 3)
    cancelled = await pgq("jobs", "cancel", "--task", "mail", "--yes")
    (record,) = await queries.client.audit()
    assert cancelled.err == f"This is act {record.audit_id} of `pgq audit`.\n"
    assert json.loads(record.selection or "") == {"task_name": "mail"}
    assert (await pgq("jobs", "retry", "--audit", str(record.audit_id), "--yes")).code == 0
    assert len(await queries.jobs(status="pending")) == 3


async def test_matching_jobs_are_deleted_and_rescheduled(pgq: Pgq, queries: Queries) -> None:
    await failed(queries, 2)
    waiting = str((await queries.enqueue("mail", None, dedupe_key="ada"))[0])
    assert (await pgq("jobs", "delete", "--status", "failed", "--yes")).out == "2 jobs: deleted\n"
    later = await pgq("jobs", "reschedule", waiting[:20], "--in", "2h")
    assert (later.code, later.out) == (0, f"{waiting} starts at another time\n")
    (job,) = await queries.jobs()
    assert timedelta(hours=1.9) < job.execution_time - datetime.now(UTC) < timedelta(hours=2)
    soon = json.loads((await pgq("jobs", "reschedule", "--key", "ada", "--yes", "--json")).out)
    assert soon == [{"id": waiting, "answer": "rescheduled"}]
    assert (await queries.jobs())[0].execution_time <= datetime.now(UTC)
    for words in (("--at", "2030-01-01"), ("--in", "soon"), ("--in", "1h", "--at", "2030-01-01T00:00:00Z")):
        assert (await pgq("jobs", "reschedule", waiting, *words)).code == 2


async def test_lists_know_the_same_words_and_say_so_where_nothing_matches(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue("mail")
    for words, number in (
        (("--since", "1h"), 1), (("--until", "1h"), 0), (("--worker", "nobody"), 0), (("--error", "x"), 0),
    ):  # fmt: skip
        said = await pgq("jobs", "list", *words)
        assert len(said.out.splitlines()) == 1 + number, words
        assert said.err == ("" if number else "No job matches.\n")


def test_what_is_no_time_is_refused_with_an_example() -> None:
    for text in ("yesterday", "24", "2030-01-01T00:00:00"):
        with pytest.raises(InvalidInput):
            read_time("--since", text)
    refused = CliRunner().invoke(main, ["jobs", "list", "--since", "yesterday", "--dsn", "postgresql://x/x"])
    assert "For example 24h" in refused.output
