"""How many jobs each queue or task has, counted so far and no further."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from pg_scheduler.queries import Queries
from pg_scheduler_cli.output import at_least


class Size(Protocol):
    """A queue or task, with its jobs that are unfinished or have failed."""

    pending: int
    pending_exact: bool
    running: int
    failed: int
    failed_exact: bool
    paused: bool
    concurrency_limit: int | None
    requests_per_second: float | None


_S = TypeVar("_S", bound=Size)

COLUMNS = ["PENDING", "RUNNING", "FAILED", "STATE", "CONCURRENCY", "PER SECOND"]


async def sizes(
    queries: Queries, make: Callable[[str], _S], name_of: Callable[[str, str], str]
) -> dict[str, _S]:
    """By name; `name_of` a queue and a task, and `make` of that name."""
    found: dict[str, _S] = {}
    for depth in (await queries.driver.insight.depths()).tasks:
        name = name_of(depth.queue, depth.task_name)
        size = found.setdefault(name, make(name))
        size.pending += depth.due + depth.scheduled
        size.running += depth.running
        size.pending_exact = size.pending_exact and depth.exact
    failed = await queries.driver.insight.failed_jobs()
    for (queue, task), number in failed.counts.items():
        name = name_of(queue, task)
        found.setdefault(name, make(name)).failed += number
    for size in found.values():
        size.failed_exact = failed.exact
    return found


def cells(size: Size) -> list[Any]:
    """As `COLUMNS`."""
    return [
        at_least(size.pending, size.pending_exact),
        size.running,
        at_least(size.failed, size.failed_exact),
        "paused" if size.paused else "active",
        size.concurrency_limit,
        size.requests_per_second,
    ]
