"""`pgq stats`, `top` and `failures`: what is going on, and what fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from pg_scheduler import JobStatus, Scheduler
from pg_scheduler.domain.summary import QueueTask, Summary
from pg_scheduler.queries import Queries
from pg_scheduler_cli.top import screen_of
from tests.adapters.cli.conftest import Pgq

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def library() -> str:
    """One is enough: the commands know nothing of libraries, and the contract runs on both."""
    return "asyncpg"


async def breaks() -> None:
    raise ValueError("no such customer")


async def test_what_is_going_on_is_shown_by_queue_and_task(pgq: Pgq, queries: Queries) -> None:
    nothing = await pgq("stats")
    assert "Nothing is due or runs" in nothing.out
    await queries.enqueue(["mail"] * 2, [None] * 2, queue="post")
    await queries.pause_queue("post")
    shown = (await pgq("stats")).out
    assert "post   mail  2 paused" in shown
    found = json.loads((await pgq("stats", "--json")).out)
    assert [(one["queue"], one["task_name"], one["due"], one["paused"]) for one in found["work"]] == [
        ("post", "mail", 2, True)
    ]
    assert [(one["scope"], one["name"], one["paused"]) for one in found["limits"]] == [
        ("queue", "post", True)
    ]
    assert (await pgq("top", "--rounds", "1")).code == 0


async def test_failures_are_listed_shown_retried_and_discarded(pgq: Pgq, queries: Queries) -> None:
    assert (await pgq("failures", "list")).out == "Nothing has failed.\n"
    scheduler = Scheduler(queries.driver)
    scheduler.register(breaks, name="bill")
    jobs = [await scheduler.enqueue("bill") for _ in range(3)]
    for job in jobs:
        await scheduler.execute_job(str(job))
    await scheduler.worker.services.settler.flush()
    (group,) = json.loads((await pgq("failures", "list", "--json")).out)
    assert (group["task"], group["error"], group["count"], group["last_hour"]) == ("bill", "ValueError", 3, 3)
    assert group["frame"].endswith("test_stats.breaks")
    again = await scheduler.using(max_retries=2).enqueue("bill")
    await scheduler.execute_job(str(again))
    await scheduler.worker.services.settler.flush()
    listed = (await pgq("failures", "list", "--task", "bill")).out
    assert group["group"][:8] in listed
    ended, waiting = listed.split("Will be tried again:")
    assert ("ValueError: " in ended, str(again) in waiting, "1 of 2" in waiting) == (True, True, True)
    shown = await pgq("failures", "show", group["group"][:6])
    assert "raise ValueError" in shown.out
    assert all(str(job) in shown.out for job in jobs)
    retried = await pgq("failures", "retry", group["group"], "--yes", "--at-most", "2")
    assert retried.out == "2 jobs: is pending again\n"
    assert (await pgq("failures", "discard", group["group"], "--yes")).out == "1 jobs: deleted\n"
    assert len(await queries.jobs(status=JobStatus.PENDING)) == 3
    gone = await pgq("failures", "show", group["group"])
    assert (gone.code, "no group" in gone.err) == (1, True)


def test_a_narrow_terminal_shows_what_matters_within_its_width() -> None:
    rows = tuple(
        QueueTask(
            f"queue {n}", "a very long name of a task " * 3 + "\x1b[31m", due=n, oldest_due=timedelta(n)
        )
        for n in range(30)
    )
    for width in (40, 100):
        console = Console(width=width, height=12, color_system=None)
        with console.capture() as captured:
            console.print(screen_of(Summary(rows, (), NOW), [], width, 12))
        lines = captured.get().splitlines()
        assert len(lines) <= 12
        assert max(map(len, lines)) <= width
        assert "queue 29" in lines[2]
        assert "\x1b" not in captured.get()
        assert ("WAIT P95" in lines[1]) == (width == 100)
