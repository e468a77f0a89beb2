"""Whether a database has ever heard of a task: a name that is spelled wrong is refused nowhere."""

from __future__ import annotations

import click

from pg_scheduler.queries import Queries


async def is_known(queries: Queries, task: str) -> bool:
    """Whether a job or limits are stored under the name."""
    if any(record.task_name == task for record in await queries.limits()):
        return True
    return bool(await queries.jobs(task=task, limit=1))


def warn_of(task: str, nothing: str) -> None:
    """Say on stderr that nothing has this name, and ask."""
    click.echo(f"pgq: {nothing.format(task=task)}: is it spelled right?", err=True)
