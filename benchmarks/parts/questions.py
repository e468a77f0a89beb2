"""How long an operator waits for an answer: each verb, each page, each command, on a large database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from statistics import median

import httpx
from click.testing import CliRunner
from starlette.requests import Request

from benchmarks.archive import Sizes, fill
from benchmarks.frame import Bench, Cell, Database, Part, Table
from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.domain.selection import Selection
from pg_scheduler_cli.main import main as pgq
from pg_scheduler_web import Access, dashboard

REPEATS = 7
Measured = Callable[[], Awaitable[object]]


def sizes_of(bench: Bench, many_names: bool) -> Sizes:
    """A million, a million, 100,000 and 1,000 queues; and with that, names without end."""
    tasks, groups = (5_000, 10_000) if many_names else (50, 50)
    return Sizes(
        finished=bench.size(1_000_000), future=bench.size(1_000_000), due=bench.size(100_000),
        failed=bench.size(20_000), queues=bench.size(1_000), tasks=bench.size(tasks),
        groups=bench.size(groups), workers=4,
    )  # fmt: skip


SELECTIONS: Mapping[str, Selection] = {
    "all": Selection(),
    "pending": Selection((JobStatus.PENDING,)),
    "completed": Selection((JobStatus.COMPLETED,)),
    "failed": Selection((JobStatus.FAILED,)),
    "of a queue": Selection(queue="queue 0001"),
    "of a queue, completed": Selection((JobStatus.COMPLETED,), queue="queue 0001"),
    "of a task": Selection(task_name="task 0001"),
    "by a part of the error": Selection(error="Timeout"),
    "by an argument": Selection(arguments=(("user.id", "7"),)),
    "by the beginning of an id": Selection(id_prefix="0"),
}


async def _ids(scheduler: Scheduler) -> dict[str, str]:
    client = scheduler.client
    found = {}
    for name, status in (
        ("due", JobStatus.PENDING), ("completed", JobStatus.COMPLETED), ("failed", JobStatus.FAILED),
    ):  # fmt: skip
        found[name] = (await client.page(Selection((status,)), None, 1)).jobs[0].job_id
    return found


def verbs(scheduler: Scheduler, ids: Mapping[str, str]) -> dict[str, Measured]:
    """What programs ask."""
    found: dict[str, Measured] = {}
    for name, selection in SELECTIONS.items():
        found[f"page, {name}"] = partial(scheduler.page, selection)
        found[f"count, {name}"] = partial(scheduler.count, selection)
    found |= {
        "why, a due job": lambda: scheduler.why(ids["due"]),
        "why, a failed job": lambda: scheduler.why(ids["failed"]),
        "failures": scheduler.failures,
        "failures of a task": lambda: scheduler.failures(task="fails"),
        "summary": scheduler.summary,
        "minutes": scheduler.minutes,
        "problems": scheduler.client.problems,
        "workers": scheduler.workers,
        "depths, as metrics ask": scheduler.driver.insight.depths,
    }
    return found


SCREENS = {
    "overview": "/", "jobs": "/jobs", "jobs, pending": "/jobs?status=pending",
    "jobs, failed": "/jobs?status=failed", "jobs of a queue": "/jobs?q=queue:%22queue+0001%22",
    "jobs by an argument": "/jobs?q=arg.user.id:7", "jobs by an error": "/jobs?q=error:Timeout",
    "a due job": "/job?id={due}", "a failed job": "/job?id={failed}", "failures": "/failures",
    "queues": "/queues", "a queue": "/queue?name=queue+0001",
    "tasks": "/tasks", "a task": "/task?name=task+0001",
    "schedules": "/schedules", "workers": "/workers", "system": "/system", "audit": "/audit",
    "confirm": "/jobs/confirm?act=retry&status=failed",
}  # fmt: skip


def pages(scheduler: Scheduler, ids: Mapping[str, str]) -> dict[str, Measured]:
    """What the page is asked for, without the network."""

    async def auth(request: Request) -> Access:
        return Access.admin("bench")

    browser = httpx.AsyncClient(
        transport=httpx.ASGITransport(dashboard(scheduler, auth=auth)), base_url="http://bench"
    )

    async def get(path: str) -> None:
        answer = await browser.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        assert "trouble" not in answer.text, f"{path}: {answer.text}"

    return {name: partial(get, path.format(**ids)) for name, path in SCREENS.items()}


COMMANDS = (
    "doctor", "health", "stats",
    "jobs list", "jobs list --status pending", "jobs list --queue queue_0001",
    "jobs list --error Timeout", "jobs list --arg user.id=7", "jobs why {due}", "jobs show {failed}",
    "jobs cancel --queue queue_0001 --dry-run", "failures list",
    "queues list", "tasks list", "schedules list", "workers list", "audit", "metrics --once", "db status",
)  # fmt: skip


def commands(dsn: str, ids: Mapping[str, str]) -> dict[str, Measured]:
    """What `pgq` does once Python has started: connecting is in it."""

    async def run(words: list[str]) -> None:
        done = await asyncio.to_thread(CliRunner().invoke, pgq, [*words, "--dsn", dsn])
        assert isinstance(done.exception, SystemExit | None), f"{words}: {done.exception!r}"
        assert done.exit_code in (0, 1), f"{words}: {done.output}"

    found: dict[str, Measured] = {}
    for command in COMMANDS:
        words = [word.replace("_", " ") for word in command.format(**ids).split()]
        shown = command.replace("{", "").replace("}", "").replace("_", " ")
        found[f"pgq {shown}"] = partial(run, words)
    return found


async def times(measured: Mapping[str, Measured], repeats: int) -> list[tuple[Cell, ...]]:
    """Median and worst of each in milliseconds, after one that does not count."""
    rows: list[tuple[Cell, ...]] = []
    for name, ask in measured.items():
        took = []
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            await ask()
            took.append((time.perf_counter() - begin) * 1000.0)
        rows.append((name, median(took[1:]), max(took[1:])))
    return rows


async def asked(bench: Bench, database: Database) -> dict[str, list[tuple[Cell, ...]]]:
    """All of it, on a database that is filled."""
    scheduler = Scheduler(database.worker_dsn, library=bench.library)
    try:
        await scheduler.open()
        ids, repeats = await _ids(scheduler), 1 if bench.smoke else REPEATS
        return {
            "verbs": await times(verbs(scheduler, ids), repeats),
            "pages": await times(pages(scheduler, ids), repeats),
            "commands": await times(commands(database.worker_dsn, ids), repeats),
        }
    finally:
        await scheduler.shutdown()


async def measure(bench: Bench) -> list[Table]:
    """With 1,000 queues, and with names without end besides."""
    tables: list[Table] = []
    for title, many_names in (("1,000 queues", False), ("1,000 queues, 5,000 tasks, 10,000 failures", True)):
        async with bench.temporary_database() as database:
            await fill(bench, database, sizes_of(bench, many_names))
            found = await asked(bench, database)
        tables += [
            Table(f"{kind}, {title}", ("question", "median ms", "worst ms"), rows)
            for kind, rows in found.items()
        ]
    return tables


QUESTIONS = Part(
    name="questions",
    summary="each question of an operator: verbs, pages, commands, on 1M finished, 1M future, 100k due jobs",
    reading="""
Kept: a million completed jobs, a million for later, 100,000 due, 20,000 failed, spread over 1,000 queues and
50 tasks; then the same with 5,000 tasks and 10,000 kinds of failures. Four workers have written figures of
500 queues each for an hour. A page is rendered and answered without a network, and asked for as one that is
loaded anew. A command is run within one process: starting Python takes its time besides, connecting is in it.
Median and worst of seven, after one that does not count.
""".strip(),
    measure=measure,
    by_default=False,
    once=True,
)
