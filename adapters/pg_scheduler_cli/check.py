"""`pgq check`: whether a deploy of this code would leave jobs behind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import click

from pg_scheduler.client.comparison import Comparison
from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT, Failure, explained
from pg_scheduler_cli.factories import made_by, scheduler_of
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import as_json
from pg_scheduler_cli.output import print_json, shown
from pg_scheduler_cli.paths import found_at
from pg_scheduler_cli.schema_words import verdict
from pg_scheduler_cli.tracebacks import hidden, users_code


@click.command()
@click.argument("path")
@click.option(
    "--only-known", is_flag=True,
    help="Jobs of tasks that this application does not know belong to others: they are not stranded.",
)  # fmt: skip
@as_json
def check(path: str, only_known: bool, as_json: bool) -> None:
    """Compare an application with its database before a deploy, and write nothing.

    PATH is as for `pgq run`. The application is imported and made, and not started. Exit code 1 if jobs would
    be stranded: their task is unknown, or their arguments do not fit its function any more; or if a schedule
    is never due, or of an unknown task.
    """
    try:
        found = asyncio.run(_compare(path, only_known))
    except PgSchedulerError as error:
        raise Failure(hidden(explained(error))) from error
    if as_json:
        print_json(_facts(found))
    else:
        for line in _lines(found):
            click.echo(line)
    if is_bad(found):
        raise SystemExit(EXIT_NOT_CURRENT)


async def _compare(path: str, only_known: bool) -> Comparison:
    factory = found_at(path)
    with users_code(path):
        async with made_by(factory, path) as app:
            scheduler = scheduler_of(app)
            try:
                return await scheduler.compare_with_store(elsewhere=only_known)
            finally:
                await app.shutdown(0)


def is_bad(found: Comparison) -> bool:
    """Whether somebody should think twice."""
    return bool(found.stranded) or any(one.change in ("never", "unknown") for one in found.schedules)


def _lines(found: Comparison) -> Iterator[str]:
    if not found.schema.current:
        yield f"tables     {verdict(found.schema)}"
    if not found.readable:
        yield "           nothing more can be said before that"
        return
    for one in found.stranded:
        first = f", the first due {shown(one.oldest)}" if one.oldest else ""
        yield harmless(f"stranded   {one.count} jobs of {one.task_name}{first}: {one.why}")
    for change in found.schedules:
        before, after = shown(change.next_before), shown(change.next_after)
        yield harmless(f"schedule   {change.change}: {change.key}; next run before: {before}, after: {after}")
    for limit in found.limits:
        yield harmless(f"limits     {limit.task_name}: {_words(limit.before)} -> {_words(limit.after)}")
    for note in found.notes:
        yield harmless(f"note       {note.key}: {note.text}")
    if not (found.stranded or found.schedules or found.limits):
        yield "nothing would change, and every waiting job can be run"


def _words(limits: TaskLimits) -> str:
    words = [] if limits.concurrency is None else [f"{limits.concurrency} at once"]
    words += [] if limits.rate is None else [f"{limits.rate:g} per second"]
    return ", ".join(words) or "none"


def _facts(found: Comparison) -> dict[str, Any]:
    return {
        "bad": is_bad(found), "schema": found.schema.schema, "version": found.schema.version,
        "latest": found.schema.latest, "readable": found.readable, "stranded": found.stranded,
        "schedules": found.schedules, "limits": found.limits, "notes": found.notes,
    }  # fmt: skip
