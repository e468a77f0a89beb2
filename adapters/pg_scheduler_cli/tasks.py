"""`pgq tasks`: how many jobs each task or entrypoint has, and whether they may run."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.queries import Queries
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.known_names import is_known, warn_of
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_json, print_table
from pg_scheduler_cli.pauses import report_pauses
from pg_scheduler_cli.sizes import COLUMNS, cells, sizes


@dataclass
class TaskSize:
    """One task or entrypoint, with its jobs that are unfinished or have failed."""

    entrypoint: str
    pending: int = 0
    pending_exact: bool = True
    """False if more may wait: counting ends where the number says enough."""
    running: int = 0
    failed: int = 0
    failed_exact: bool = True
    paused: bool = False
    concurrency_limit: int | None = None
    requests_per_second: float | None = None

    def limit(self, limits: TaskLimits) -> None:
        """Take over its limits."""
        self.concurrency_limit, self.requests_per_second = limits.concurrency, limits.rate


@click.group(cls=PlainGroup)
def tasks() -> None:
    """List tasks and entrypoints; pause and resume them for all workers."""


@tasks.command("list")
@reading
@as_json
def list_(connection: Connection, as_json: bool) -> None:
    """List tasks and entrypoints that have unfinished or failed jobs or limits, or are paused."""
    found = connection.look(_tasks)
    if as_json:
        print_json(found)
        return
    print_table(["ENTRYPOINT", *COLUMNS], [[harmless(task.entrypoint), *cells(task)] for task in found])


async def _tasks(queries: Queries) -> list[TaskSize]:
    found = await sizes(queries, TaskSize, lambda queue, task: task)
    for record in await queries.limits():
        task = found.setdefault(record.task_name, TaskSize(record.task_name))
        task.paused = record.paused
        task.limit(record.limits)
    return [found[name] for name in sorted(found)]


@tasks.command()
@click.argument("entrypoint")
@click.option("--concurrency", type=int, metavar="N", help="At most so many of its jobs run at once.")
@click.option("--rate", type=float, metavar="R", help="At most so many of its jobs start per second.")
@click.option("--clear", is_flag=True, help="Let the limits of its code hold again.")
@connecting
@as_json
def limit(
    connection: Connection,
    entrypoint: str,
    concurrency: int | None,
    rate: float | None,
    clear: bool,
    as_json: bool,
) -> None:
    """Limit the jobs of a task or entrypoint in the whole cluster, for each limit key, whatever its code
    says.

    The limits hold immediately, also for stored jobs, and through restarts and deploys; running jobs
    continue. A line on stderr warns of a name that no job has.
    """
    if clear == (concurrency is not None or rate is not None):
        raise click.UsageError("give --concurrency, --rate or both; or --clear, which ends both")

    async def change(queries: Queries) -> tuple[bool, bool]:
        known = await is_known(queries, entrypoint)
        changed = await queries.client.limit_task(entrypoint, concurrency, rate, by=whoever_types())
        return changed, known

    changed, known = connection.ask(change)
    if not known:
        warn_of(entrypoint, "no job is named {task!r}, and no limits")
    if as_json:
        limits = {"concurrency_limit": concurrency, "requests_per_second": rate}
        print_json({"entrypoint": entrypoint, **limits, "changed": changed})
    elif clear:
        click.echo(
            f"the limits of {entrypoint} are those of its code"
            if changed
            else f"nobody has set limits of {entrypoint} by hand"
        )
    else:
        click.echo(f"limited {entrypoint}" if changed else f"{entrypoint} has these limits already")


@tasks.command()
@click.argument("entrypoints", nargs=-1, required=True)
@connecting
@as_json
def pause(connection: Connection, entrypoints: tuple[str, ...], as_json: bool) -> None:
    """Stop all workers from starting jobs of these tasks or entrypoints.

    Running jobs continue, and jobs can still be enqueued. A line on stderr warns of a name that no job has.
    """

    async def each(queries: Queries) -> tuple[list[bool], list[str]]:
        unknown = [one for one in entrypoints if not await is_known(queries, one)]
        return [
            await queries.client.pause_task(one, True, by=whoever_types()) for one in entrypoints
        ], unknown

    changed, unknown = connection.ask(each)
    for one in unknown:
        warn_of(one, "no job is named {task!r}, and no limits")
    report_pauses("entrypoint", entrypoints, changed, paused=True, as_json=as_json)


@tasks.command()
@click.argument("entrypoints", nargs=-1, required=True)
@connecting
@as_json
def resume(connection: Connection, entrypoints: tuple[str, ...], as_json: bool) -> None:
    """Let workers start jobs of these tasks or entrypoints again, immediately."""

    async def each(queries: Queries) -> list[bool]:
        return [await queries.client.pause_task(one, False, by=whoever_types()) for one in entrypoints]

    report_pauses("entrypoint", entrypoints, connection.ask(each), paused=False, as_json=as_json)
