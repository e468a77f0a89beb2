"""`pgq import`: takes the jobs of other queues over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pg_scheduler.domain.passwords import masked
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json

if TYPE_CHECKING:
    from pg_scheduler_import import Counts, ForeignQueue

SOURCES = ("pgqueuer", "procrastinate")
MOST_NAMED = 20
"""Refusals that are printed; `--json` has all of them."""


def _renamed(context: click.Context, parameter: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise click.BadParameter(f"expected THEIRS=OURS, got {pair!r}")
    return {old: new for old, _, new in (pair.partition("=") for pair in pairs)}


@click.command("import")
@click.argument("source", type=click.Choice(SOURCES))
@click.option("--dry-run", is_flag=True, help="Do the same, and roll it back.")
@click.option(
    "--from-dsn", help="The other database, if it is another one: jobs are copied. Stop its workers first."
)
@click.option("--from-schema", default="public", show_default=True, help="Schema of the other tables.")
@click.option("--prefix", default="", help="What stands before PgQueuer's names (PGQUEUER_PREFIX).")
@click.option(
    "--map",
    "renamed",
    multiple=True,
    metavar="THEIRS=OURS",
    callback=_renamed,
    help="What a task is called here. May be repeated.",
)
@click.option("--batch", type=click.IntRange(1, 10_000), default=500, show_default=True,
              help="Jobs of one transaction.")  # fmt: skip
@connecting
@as_json
def import_(
    connection: Connection,
    source: str,
    dry_run: bool,
    from_dsn: str | None,
    from_schema: str,
    prefix: str,
    renamed: dict[str, str],
    batch: int,
    as_json: bool,
) -> None:
    """Take over the jobs that wait in another queue: pgqueuer or procrastinate.

    Within one database they are moved, while the other queue's workers may go on: each job is in one of the
    two tables at any time. Between databases they are copied. Prints how many, and names each job that stays
    and why; exit code 1 if there is one.
    """
    if from_dsn is not None and dry_run:
        raise click.UsageError("--dry-run is for a move within one database")
    # No other command needs them.
    import asyncpg

    from pg_scheduler_import import PgQueuerTable, ProcrastinateTable, copy_jobs, move_jobs

    other: ForeignQueue = (
        PgQueuerTable(from_schema, prefix, renamed)
        if source == "pgqueuer"
        else ProcrastinateTable(from_schema, renamed)
    )

    async def work(scheduler: Scheduler) -> Counts:
        theirs = await asyncpg.connect(from_dsn or connection.given_dsn())
        try:
            if from_dsn is not None:
                return await copy_jobs(scheduler.client, theirs, other, batch=batch)
            return await move_jobs(scheduler.client, theirs, other, batch=batch, dry_run=dry_run)
        finally:
            await theirs.close()

    counts = connection.run(work)
    if as_json:
        print_json({**asdict(counts), "dry_run": dry_run})
    else:
        _print(counts, "copied" if from_dsn else "would move" if dry_run else "moved", from_dsn)
    if counts.refusals:
        raise SystemExit(EXIT_NOT_CURRENT)


def _print(counts: Counts, verb: str, from_dsn: str | None) -> None:
    place = f"{counts.source} at {masked(from_dsn)}" if from_dsn else counts.source
    click.echo(f"{verb} {counts.imported} of {counts.seen} waiting jobs of {place}")
    if counts.known:
        click.echo(f"stored here before: {counts.known}")
    if counts.refusals:
        click.echo(f"refused {len(counts.refusals)}, which stay there:")
    for one in counts.refusals[:MOST_NAMED]:
        click.echo(f"  {one.source_id} {one.task}: {one.reason}")
    if len(counts.refusals) > MOST_NAMED:
        click.echo(f"  and {len(counts.refusals) - MOST_NAMED} more; --json names all")
    left = ", ".join(f"{number} {status}" for status, number in counts.left.items() if number)
    click.echo(f"there now: {left or 'nothing'}")
