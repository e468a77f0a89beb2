"""`pgq jobs`: what people see of jobs, and do to them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from pg_scheduler import JobPriority, JobStatus, PgQueuer, Scheduler
from pg_scheduler.models import Context, Job
from pg_scheduler.queries import Queries
from pg_scheduler_cli.job_words import SHOWN_AT_MOST
from tests.adapters.cli.apps import PGQ, Shop
from tests.adapters.cli.conftest import Pgq, run
from tests.support.running import eventually, later

pytestmark = pytest.mark.slow


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


@pytest.fixture(autouse=True)
async def _tables(queries: Queries) -> None:
    """Commands make none."""
    await queries.install()


@pytest.fixture
async def app(dsn: str) -> AsyncIterator[PgQueuer]:
    """A worker, once its block is entered."""
    pgq = PgQueuer(dsn)

    @pgq.entrypoint("halve", accepts_context=True)
    async def halve(job: Job, context: Context) -> None:
        context.progress(1, 4)
        raise ZeroDivisionError("not by postgresql://me:hush-hush@host/x")

    yield pgq
    await pgq.shutdown()


async def test_a_job_from_the_command_line_is_what_enqueue_would_have_made(
    pgq: Pgq, queries: Queries
) -> None:
    enqueued = await pgq(
        "jobs", "enqueue", "mail", "grüße", "--priority", "-2", "--delay", "60", "--dedupe-key", "d",
        "--limit-key", "acme", "--headers", '{"trace": 7}', "--max-retries", "3",
    )  # fmt: skip
    assert enqueued.code == 0, enqueued.err
    job = await queries.job(enqueued.out.strip())
    assert job is not None
    assert (job.task_name, job.payload, job.rank) == ("mail", "grüße".encode(), 7)
    assert (job.dedupe_key, job.limit_key, job.max_retries) == ("d", "acme", 3)
    assert json.loads(job.headers or "") == {"trace": 7}
    assert timedelta(seconds=30) < job.execution_time - datetime.now(UTC) <= timedelta(seconds=60)
    twice = await pgq("jobs", "enqueue", "mail", "--dedupe-key", "d")
    assert (twice.code, "dedupe key 'd'" in twice.err) == (2, True)


async def test_what_comes_first_is_listed_on_one_scale_that_agrees_with_both_styles(
    pgq: Pgq, queries: Queries
) -> None:
    scheduler = Scheduler(queries.driver)
    given: dict[str, JobPriority | int] = {
        "high": JobPriority.HIGH,
        "low": JobPriority.LOW,
        "one": 1,
        "two": 2,
    }
    ids = {
        name: await scheduler.schedule("nobody", execution_time=later(), priority=priority, job_id=name)
        for name, priority in given.items()
    }
    (urgent,) = await queries.enqueue("nobody", priority=2, execute_after=timedelta(hours=2))
    listed = (await pgq("jobs", "list")).out.splitlines()
    column = listed[0].index("RANK")
    shown = {line.split()[0]: line[column:].split("  ")[0] for line in listed[1:]}
    assert shown == {"high": "3 high", "low": "8 low", "one": "1 critical", "two": "2", urgent: "3 high"}
    facts = {one["id"]: one for one in json.loads((await pgq("jobs", "list", "--json")).out)}
    assert {name: facts[name]["rank"] for name in ids} == {"high": 3, "low": 8, "one": 1, "two": 2}
    assert (facts[urgent]["rank"], facts[urgent]["priority"]) == (3, 2)
    one = (await pgq("jobs", "show", urgent)).out
    assert "3 high (smaller first)" in one
    assert "2 (higher first)" in one


async def test_a_job_may_be_given_any_bytes_and_an_instant(dsn: str, queries: Queries) -> None:
    command = f"printf '\\377\\000x' | {PGQ} jobs enqueue mail --stdin --at 2030-01-31T08:00:00Z --json"
    enqueued = await run("sh", "-c", command, PG_SCHEDULER_DSN=dsn)
    job = await queries.job(json.loads(enqueued.out)["id"])
    assert job is not None
    assert (job.payload, job.execution_time) == (b"\xff\x00x", datetime(2030, 1, 31, 8, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--at", "2030-01-31T08:00:00"], "For UTC write 2030-01-31T08:00:00Z"),
        (["--at", "tomorrow"], "not a time"),
        (["--at", "2030-01-31T08:00:00Z", "--delay", "1"], "not both"),
        (["--delay", "nan"], "--delay"),
        (["--headers", "[1]"], "expected a JSON object"),
        (["--headers", "{"], "not JSON"),
        (["payload", "--stdin"], "as an argument or"),
        (["--priority", "high"], "not a valid integer"),
    ],
)
async def test_what_cannot_be_enqueued_is_refused(
    lone_pgq: Pgq, dsn: str, queries: Queries, arguments: list[str], advice: str
) -> None:
    refused = await lone_pgq("jobs", "enqueue", "mail", *arguments, PG_SCHEDULER_DSN=dsn)
    assert (refused.code, refused.out) == (2, "")
    assert advice in refused.err
    assert await queries.queue_size() == []


async def test_the_list_is_filtered_and_tells_nothing_that_a_job_was_given(
    pgq: Pgq, queries: Queries
) -> None:
    (mail,) = await queries.enqueue("mail", b"hush-hush", headers={"key": "hush-hush"})
    (bill,) = await queries.enqueue("bill", b"hush-hush")
    await queries.mark_job_as_cancelled(bill)
    every = await pgq("jobs", "list")
    assert mail in every.out
    assert bill in every.out
    assert "hush" not in every.out + (await pgq("jobs", "list", "--json")).out

    async def ids(*filters: str) -> list[str]:
        listed = await pgq("jobs", "list", "--json", *filters)
        return [one["id"] for one in json.loads(listed.out)]

    assert await ids("--status", "pending") == [mail]
    assert await ids("--task", "bill") == await ids("--entrypoint", "bill") == [bill]
    assert await ids("--status", "pending", "--entrypoint", "bill") == []
    assert len(await ids("--limit", "1")) == 1


async def test_show_tells_what_went_wrong_and_how_far_it_got(
    pgq: Pgq, queries: Queries, app: PgQueuer
) -> None:
    (job,) = await queries.enqueue("halve", b"12", headers={"trace": 7}, limit_key="acme")
    async with app:
        assert await job.wait(timeout=45) is JobStatus.FAILED
    shown = await pgq("jobs", "show", job)
    for fact in (
        "failed",
        "halve",
        "12",
        "acme",
        "'trace': 7",
        "1 of 4",
        "ZeroDivisionError: not by",
        "in halve",
    ):
        assert fact in shown.out, fact
    assert "hush" not in shown.out, "nor a password of the traceback"
    told = json.loads((await pgq("jobs", "show", job, "--json")).out)
    assert (told["payload"], told["payload_encoding"], told["status"]) == ("12", "utf-8", "failed")
    assert told["progress"] == {"done": 1.0, "total": 4.0}
    (attempt,) = told["history"]
    assert (attempt["attempt"], attempt["outcome"]) == (1, "failed")
    assert "in halve" in attempt["traceback"]


async def test_a_long_or_binary_payload_is_shown_as_it_can_be(pgq: Pgq, queries: Queries) -> None:
    long, binary, nasty = await queries.enqueue(
        ["mail"] * 3, [b"a" * (SHOWN_AT_MOST + 10), b"\xff\x00", b"\x1b[2J"]
    )
    assert "(10 more characters: --full)" in (await pgq("jobs", "show", long)).out
    assert "a" * (SHOWN_AT_MOST + 10) in (await pgq("jobs", "show", long, "--full")).out
    told = json.loads((await pgq("jobs", "show", binary, "--json")).out)
    assert (told["payload"], told["payload_encoding"], told["payload_bytes"]) == ("/wA=", "base64", 2)
    plain = (await pgq("jobs", "show", nasty)).out
    assert "\x1b" not in plain, "a terminal would obey it"
    assert "\\x1b[2J" in plain


async def test_cancel_says_what_each_job_met(pgq: Pgq, queries: Queries) -> None:
    (job,) = await queries.enqueue("mail")
    done = await pgq("jobs", "cancel", job)
    assert (done.code, done.out) == (0, f"{job} cancelled\n")
    again = await pgq("jobs", "cancel", job, "nobody", "--json")
    assert again.code == 1
    assert json.loads(again.out) == [
        {"id": job, "answer": "finished"},
        {"id": "nobody", "answer": "unknown"},
    ]


async def test_a_running_job_is_stopped_by_its_worker(pgq: Pgq, queries: Queries, shop: Shop) -> None:
    async with shop.worker("shop.main"):
        (job,) = await queries.enqueue("nap", b"600")
        await eventually(lambda: "napping" in shop.notes)
        told = await pgq("jobs", "cancel", job)
        assert (told.code, told.out) == (0, f"{job} is running; its worker has been asked to stop it\n")
        assert await job.wait(timeout=45) is JobStatus.CANCELLED
    assert shop.notes == ["napping", "disturbed"]


async def test_retry_reopens_what_has_ended_and_nothing_else(
    pgq: Pgq, queries: Queries, sql: asyncpg.Connection
) -> None:
    ended, waiting, running = await queries.enqueue(["mail"] * 3, [None] * 3)
    await queries.mark_job_as_cancelled(ended)
    await sql.execute(
        "UPDATE scheduled_jobs SET status = 'running', epoch = 1, lease_until = now() + interval '1 hour'"
        " WHERE job_id = $1", running,
    )  # fmt: skip
    answers = await pgq("jobs", "retry", ended, waiting, running, "nobody", "--json")
    assert answers.code == 1
    assert [one["answer"] for one in json.loads(answers.out)] == ["retried", "pending", "running", "unknown"]
    assert set((await queries.job_status([ended, waiting])).values()) == {JobStatus.PENDING}
    assert await sql.fetchval("SELECT epoch FROM scheduled_jobs WHERE job_id = $1", running) == 1


async def test_a_job_that_is_not_there_is_said_in_one_line(pgq: Pgq) -> None:
    missing = await pgq("jobs", "show", "nobody")
    assert (missing.code, missing.out) == (2, "")
    assert missing.err == "pgq: no job 'nobody': it was never scheduled here, or it was vacuumed\n"


async def test_no_command_makes_tables_in_a_database_without(
    pgq: Pgq, queries: Queries, sql: asyncpg.Connection
) -> None:
    await queries.uninstall()
    for command in (
        ["jobs", "list"],
        ["jobs", "enqueue", "mail"],
        ["queues", "list"],
        ["queues", "pause", "x"],
    ):
        failed = await pgq(*command)
        assert (failed.code, failed.out, failed.err.count("\n")) == (2, "", 1)
        assert "pgq db install" in failed.err
    assert await sql.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE 'scheduled%'") == 0


async def test_the_beginning_of_an_id_names_the_job(pgq: Pgq, queries: Queries) -> None:
    (job,) = await queries.enqueue("mail", b"hello")
    shown = json.loads((await pgq("jobs", "show", job[:13], "--json")).out)
    assert (shown["id"], shown["payload"]) == (job, "hello")
    said = await pgq("jobs", "cancel", job[:13])
    assert (said.code, said.out) == (0, f"{job} cancelled\n")
    assert (await pgq("jobs", "retry", job[:13])).out == f"{job} is pending again\n"


async def test_the_beginning_of_several_ids_names_none(pgq: Pgq, queries: Queries) -> None:
    jobs = await queries.enqueue("mail", [None] * 7)
    for command in ("show", "cancel", "retry"):
        said = await pgq("jobs", command, jobs[0][:8])
        assert said.code == 2
        assert said.err.startswith(f"pgq: several jobs have ids that begin with '{jobs[0][:8]}': {jobs[0]}, ")
        assert said.err.endswith(" and others. Type more of the id\n")
    assert {record.status for record in await queries.jobs()} == {JobStatus.PENDING}


async def test_what_no_id_begins_with_is_not_found(pgq: Pgq, queries: Queries) -> None:
    await queries.enqueue("mail")
    said = await pgq("jobs", "cancel", "zebra")
    assert (said.code, said.out) == (1, "zebra not found\n")
    assert "'zebra'" in (await pgq("jobs", "show", "zebra")).err


async def test_the_newest_jobs_are_listed_and_the_list_goes_on_where_it_ended(
    pgq: Pgq, queries: Queries
) -> None:
    delays = [timedelta(hours=hour) for hour in range(3)]
    jobs = await queries.enqueue("mail", [None] * 3, execute_after=delays)
    newest = await pgq("jobs", "list", "--limit", "2", "--json")
    assert [one["id"] for one in json.loads(newest.out)] == [jobs[2], jobs[1]]
    beginning, _, cursor = newest.err.strip().rpartition(" ")
    assert beginning == "pgq: these are the 2 newest jobs; there are more: --cursor"
    rest = await pgq("jobs", "list", "--cursor", cursor, "--json")
    assert ([one["id"] for one in json.loads(rest.out)], rest.err) == ([jobs[0]], "")
    assert (await pgq("jobs", "list", "--cursor", "nonsense")).err.startswith("pgq: cursor: not a place")
    assert (await pgq("jobs", "list", "--limit", "3", "--json")).err == ""
