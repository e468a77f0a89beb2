"""`pgq queues`: how many jobs each entrypoint has, and whether they may run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.queries import Queries
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.known_names import is_known, warn_of
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json, print_table


@dataclass
class Queue:
    """One entrypoint, with its jobs that are unfinished or have failed."""

    entrypoint: str
    pending: int = 0
    running: int = 0
    failed: int = 0
    paused: bool = False
    concurrency_limit: int | None = None
    requests_per_second: float | None = None

    def limit(self, limits: TaskLimits) -> None:
        """Take over its limits."""
        self.concurrency_limit, self.requests_per_second = limits.concurrency, limits.rate


@click.group(cls=PlainGroup)
def queues() -> None:
    """List entrypoints; pause and resume them for all workers."""


@queues.command("list")
@connecting
@as_json
def list_(connection: Connection, as_json: bool) -> None:
    """List entrypoints that have unfinished or failed jobs or limits, or are paused."""
    found = connection.ask(_queues)
    if as_json:
        print_json(found)
        return
    print_table(
        ["ENTRYPOINT", "PENDING", "RUNNING", "FAILED", "STATE", "CONCURRENCY", "PER SECOND"],
        [
            [harmless(queue.entrypoint), queue.pending, queue.running, queue.failed,
             "paused" if queue.paused else "active", queue.concurrency_limit, queue.requests_per_second]
            for queue in found
        ],
    )  # fmt: skip


async def _queues(queries: Queries) -> list[Queue]:
    found: dict[str, Queue] = {}
    for size in await queries.driver.insight.sizes([JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED]):
        queue = found.setdefault(size.task_name, Queue(size.task_name))
        setattr(queue, size.status, getattr(queue, size.status) + size.count)
    for record in await queries.limits():
        queue = found.setdefault(record.task_name, Queue(record.task_name))
        queue.paused = record.paused
        queue.limit(record.limits)
    return [found[name] for name in sorted(found)]


@queues.command()
@click.argument("entrypoints", nargs=-1, required=True)
@connecting
@as_json
def pause(connection: Connection, entrypoints: tuple[str, ...], as_json: bool) -> None:
    """Stop all workers from starting jobs of these entrypoints.

    Running jobs continue, and jobs can still be enqueued. A line on stderr warns of a name that no job has.
    """

    async def each(queries: Queries) -> tuple[list[bool], list[str]]:
        unknown = [one for one in entrypoints if not await is_known(queries, one)]
        return [await queries.pause_queue(one) for one in entrypoints], unknown

    changed, unknown = connection.ask(each)
    for one in unknown:
        warn_of(one, "no job is named {task!r}, and no limits")
    _report(entrypoints, changed, "paused", as_json)


@queues.command()
@click.argument("entrypoints", nargs=-1, required=True)
@connecting
@as_json
def resume(connection: Connection, entrypoints: tuple[str, ...], as_json: bool) -> None:
    """Let workers start jobs of these entrypoints again, immediately."""

    async def each(queries: Queries) -> list[bool]:
        return [await queries.resume_queue(one) for one in entrypoints]

    _report(entrypoints, connection.ask(each), "resumed", as_json)


def _report(entrypoints: Sequence[str], changed: Sequence[bool], done: str, as_json: bool) -> None:
    answers = list(zip(entrypoints, changed, strict=True))
    if as_json:
        paused = done == "paused"
        print_json([{"entrypoint": one, "paused": paused, "changed": change} for one, change in answers])
        return
    for one, change in answers:
        click.echo(
            f"{done} {one}" if change else f"{one} was already {'paused' if done == 'paused' else 'active'}"
        )
