"""`pgq import`: takes the jobs and schedules of other programs over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from pg_scheduler.domain.passwords import masked
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json, print_table, shown
from pg_scheduler_cli.paths import found_at

if TYPE_CHECKING:
    from pg_scheduler_import import Counts, ForeignQueue, ForeignSchedules

QUEUES = ("pgqueuer", "procrastinate")
OF_AN_APP = ("apscheduler", "celery-beat")
"""Those that are read from an object of the program."""
SOURCES = (*QUEUES, *OF_AN_APP, "django-celery-beat")
MOST_NAMED = 20
"""Refusals and schedules that are printed; `--json` has all of them."""


def _renamed(context: click.Context, parameter: click.Parameter, pairs: Sequence[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise click.BadParameter(f"expected THEIRS=OURS, got {pair!r}")
    return {old: new for old, _, new in (pair.partition("=") for pair in pairs)}


@click.command("import")
@click.argument("source", type=click.Choice(SOURCES))
@click.option("--app", metavar="MODULE:OBJECT", help="APScheduler's scheduler, or the Celery app.")
@click.option("--dry-run", is_flag=True, help="Do the same, and roll it back.")
@click.option("--from-dsn", help="The other database, if it is another one: a copy. Stop its workers first.")
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
    app: str | None,
    dry_run: bool,
    from_dsn: str | None,
    as_json: bool,
    **rest: Any,
) -> None:
    """Take over what waits elsewhere: the jobs of pgqueuer or procrastinate, the schedules of apscheduler,
    celery-beat or django-celery-beat.

    Within one database they are moved, while the other program may go on: each is in one of the two at any
    time. Between databases, and out of a program's code, they are copied. Prints how many, and names each
    that stays and why; exit code 1 if there is one.
    """
    if (app is None) == (source in OF_AN_APP):
        raise click.UsageError(f"{source} {'needs' if app is None else 'takes no'} --app")
    if from_dsn is not None and source in OF_AN_APP:
        raise click.UsageError(f"{source} takes no --from-dsn: the object knows where its store is")
    if from_dsn is not None and dry_run and source in QUEUES:
        raise click.UsageError("--dry-run is for a move within one database")
    take = _jobs(source, **rest) if source in QUEUES else _schedules(source, app, **rest)
    counts = connection.run(lambda scheduler: take(scheduler, connection, from_dsn, dry_run))
    if as_json:
        print_json({**asdict(counts), "dry_run": dry_run})
    else:
        copied = from_dsn is not None or source == "celery-beat"
        verb = f"would {'copy' if copied else 'move'}" if dry_run else "copied" if copied else "moved"
        _print(counts, verb, "waiting jobs" if source in QUEUES else "schedules", from_dsn, dry_run)
    if counts.refusals:
        raise SystemExit(EXIT_NOT_CURRENT)


def _jobs(
    source: str, from_schema: str, prefix: str, renamed: dict[str, str], batch: int
) -> Callable[..., Any]:
    # No other command needs them.
    import asyncpg

    from pg_scheduler_import import PgQueuerTable, ProcrastinateTable, copy_jobs, move_jobs

    other: ForeignQueue = (
        PgQueuerTable(from_schema, prefix, renamed)
        if source == "pgqueuer"
        else ProcrastinateTable(from_schema, renamed)
    )

    async def take(
        scheduler: Scheduler, connection: Connection, from_dsn: str | None, dry_run: bool
    ) -> Counts:
        theirs = await asyncpg.connect(from_dsn or connection.given_dsn())
        try:
            if from_dsn is not None:
                return await copy_jobs(scheduler.client, theirs, other, batch=batch)
            return await move_jobs(scheduler.client, theirs, other, batch=batch, dry_run=dry_run)
        finally:
            await theirs.close()

    return take


def _schedules(
    source: str, app: str | None, from_schema: str, renamed: dict[str, str], **unused: Any
) -> Callable[..., Any]:
    import asyncpg

    from pg_scheduler_import import import_schedules

    other = _program(source, app, from_schema)

    async def take(
        scheduler: Scheduler, connection: Connection, from_dsn: str | None, dry_run: bool
    ) -> Counts:
        ours = await asyncpg.connect(connection.given_dsn())
        theirs = None if from_dsn is None else await asyncpg.connect(from_dsn)
        try:
            return await import_schedules(
                scheduler, ours, other, theirs=theirs, renamed=renamed, dry_run=dry_run
            )
        finally:
            await ours.close()
            if theirs is not None:
                await theirs.close()

    return take


def _program(source: str, app: str | None, from_schema: str) -> ForeignSchedules:
    from pg_scheduler_import import APScheduler3, APScheduler4, CeleryBeat, DjangoCeleryBeat

    if app is None:
        return DjangoCeleryBeat(from_schema)
    found: Any = found_at(app)
    if source == "celery-beat":
        return CeleryBeat(found)
    return APScheduler4(found) if hasattr(found, "data_store") else APScheduler3(found)


def _print(counts: Counts, verb: str, what: str, from_dsn: str | None, dry_run: bool) -> None:
    place = f"{counts.source} at {masked(from_dsn)}" if from_dsn else counts.source
    click.echo(f"{verb} {counts.imported} of {counts.seen} {what} of {place}")
    if counts.known:
        click.echo(f"stored here before: {counts.known}")
    if counts.refusals:
        click.echo(f"refused {len(counts.refusals)}, which stay there:")
    for one in counts.refusals[:MOST_NAMED]:
        click.echo(f"  {one.source_id} {one.task}: {one.reason}")
    if len(counts.refusals) > MOST_NAMED:
        click.echo(f"  and {len(counts.refusals) - MOST_NAMED} more; --json names all")
    if counts.left or what != "schedules":
        left = ", ".join(f"{number} {status}" for status, number in counts.left.items() if number)
        click.echo(f"there now: {left or 'nothing'}")
    _print_schedules(counts, dry_run)


def _print_schedules(counts: Counts, dry_run: bool) -> None:
    """What each is here; before it is done, with its next runs on both sides."""
    for one in counts.schedules[:MOST_NAMED]:
        click.echo(f"\n{one.key}: {one.task}, {one.when}")
        for note in one.notes:
            click.echo(f"  mind: {note}")
        if dry_run:
            pairs = zip(one.there, one.here, strict=True)
            print_table(["  THERE", "HERE"], [[f"  {shown(there)}", here] for there, here in pairs])
    if len(counts.schedules) > MOST_NAMED:
        click.echo(f"\nand {len(counts.schedules) - MOST_NAMED} more; --json names all")
