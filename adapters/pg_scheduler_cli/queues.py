"""`pgq queues`: how many jobs wait in each queue, whether they may run, and how many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import click

from pg_scheduler.domain.queues import DEFAULT_QUEUE
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.queries import Queries
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_json, print_table
from pg_scheduler_cli.pauses import report_pauses
from pg_scheduler_cli.sizes import COLUMNS, cells, sizes


@dataclass
class Queue:
    """One queue, with its jobs that are unfinished or have failed."""

    queue: str
    pending: int = 0
    pending_exact: bool = True
    """False if more may wait: counting ends where the number says enough."""
    running: int = 0
    failed: int = 0
    failed_exact: bool = True
    paused: bool = False
    paused_since: datetime | None = None
    concurrency_limit: int | None = None
    requests_per_second: float | None = None


@click.group(cls=PlainGroup)
def queues() -> None:
    """List queues; limit, pause, resume and purge them."""


@queues.command("list")
@reading
@as_json
def list_(connection: Connection, as_json: bool) -> None:
    """List queues that have unfinished or failed jobs or limits, or are paused."""
    found = connection.look(_queues)
    if as_json:
        print_json(found)
        return
    print_table(["QUEUE", *COLUMNS], [[harmless(queue.queue), *cells(queue)] for queue in found])


async def _queues(queries: Queries) -> list[Queue]:
    found = await sizes(queries, Queue, lambda queue, task: queue)
    for paused in await queries.paused_queues():
        queue = found.setdefault(paused.queue, Queue(paused.queue))
        queue.paused, queue.paused_since = True, paused.since
    for limited in await queries.queue_limits():
        queue = found.setdefault(limited.queue, Queue(limited.queue))
        queue.concurrency_limit, queue.requests_per_second = limited.limits.concurrency, limited.limits.rate
    return [found[name] for name in sorted(found)]


async def _is_known(queries: Queries, queue: str) -> bool:
    return queue == DEFAULT_QUEUE or bool(await queries.jobs(queue=queue, limit=1))


@queues.command()
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@connecting
@as_json
def pause(connection: Connection, names: tuple[str, ...], as_json: bool) -> None:
    """Stop all workers from starting jobs that wait in these queues.

    Running jobs continue, and jobs can still be enqueued. What the pause holds back does not expire by it. A
    line on stderr warns of a queue in which there is no job.
    """

    async def each(queries: Queries) -> tuple[list[bool], list[str]]:
        unknown = [one for one in names if not await _is_known(queries, one)]
        return [await queries.client.pause_queue(one, True, by=whoever_types()) for one in names], unknown

    changed, unknown = connection.ask(each)
    for one in unknown:
        click.echo(f"pgq: no job is in the queue {one!r}: is it spelled right?", err=True)
    report_pauses("queue", names, changed, paused=True, as_json=as_json)


@queues.command()
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@connecting
@as_json
def resume(connection: Connection, names: tuple[str, ...], as_json: bool) -> None:
    """Let workers start the jobs of these queues again, immediately."""

    async def each(queries: Queries) -> list[bool]:
        return [await queries.client.pause_queue(one, False, by=whoever_types()) for one in names]

    report_pauses("queue", names, connection.ask(each), paused=False, as_json=as_json)


@queues.command()
@click.argument("queue")
@click.option("--concurrency", type=int, metavar="N", help="At most so many of its jobs run at once.")
@click.option("--rate", type=float, metavar="R", help="At most so many of its jobs start per second.")
@click.option("--clear", is_flag=True, help="End the limits of the queue.")
@connecting
@as_json
def limit(
    connection: Connection,
    queue: str,
    concurrency: int | None,
    rate: float | None,
    clear: bool,
    as_json: bool,
) -> None:
    """Limit the jobs of a queue, all its tasks together, in the whole cluster.

    The limits hold immediately, also for stored jobs; running jobs continue, and take their places. A limit
    that is left out ends. What the limits hold up does not expire by it. A line on stderr warns of a queue in
    which there is no job.
    """
    if clear == (concurrency is not None or rate is not None):
        raise click.UsageError("give --concurrency, --rate or both; or --clear, which ends both")

    async def change(queries: Queries) -> tuple[bool, bool]:
        known = await _is_known(queries, queue)
        changed = await queries.client.limit_queue(queue, concurrency, rate, by=whoever_types())
        return changed, known

    changed, known = connection.ask(change)
    if not known:
        click.echo(f"pgq: no job is in the queue {queue!r}: is it spelled right?", err=True)
    if as_json:
        limits = {"concurrency_limit": concurrency, "requests_per_second": rate}
        print_json({"queue": queue, **limits, "changed": changed})
    elif clear:
        click.echo(f"ended the limits of {queue}" if changed else f"{queue} had no limits")
    else:
        words = [] if concurrency is None else [f"at most {concurrency} at once"]
        words += [] if rate is None else [f"at most {rate:g} starts per second"]
        click.echo(f"{queue} {'is now' if changed else 'was already'} limited: {', '.join(words)}")


@queues.command()
@click.argument("queue")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connecting
@as_json
def purge(connection: Connection, queue: str, yes: bool, as_json: bool) -> None:
    """Cancel all jobs that wait in a queue. Running jobs continue. It asks before, with their number.

    Cancelled jobs are kept as long as the retention of the application says.
    """

    async def waiting(queries: Queries) -> int:
        sizes = await queries.driver.insight.sizes([JobStatus.PENDING])
        return sum(size.count for size in sizes if size.queue == queue)

    async def cancel(queries: Queries) -> int:
        waits = Selection((JobStatus.PENDING,), queue=queue)
        return await queries.client.cancel(waits, by=whoever_types())

    number = connection.ask(waiting)
    if number and not yes and not click.confirm(f"Cancel {number} jobs that wait in {queue!r}?", err=True):
        click.echo("Nothing was cancelled.", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    cancelled = connection.ask(cancel) if number else 0
    if as_json:
        print_json({"queue": queue, "cancelled": cancelled})
    else:
        click.echo(f"cancelled {cancelled} jobs of {queue}")
