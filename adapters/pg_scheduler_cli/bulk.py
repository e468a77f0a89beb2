"""Acts on all jobs that match: how many they are is said before, and no others are touched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import click

from pg_scheduler.client.matching_jobs import pages_of
from pg_scheduler.domain.job_filter import JobFilter
from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.options import Connection

AT_MOST = 1_000
"""Jobs that one command changes unless it is told otherwise."""
AT_ONCE = 100
"""Jobs between two lines of progress."""

_T = TypeVar("_T")


def bulk(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that takes a filter the options of bulk acts."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--dry-run", is_flag=True, help="Say how many jobs match, and change nothing."),
        click.option(
            "--at-most", default=AT_MOST, show_default=True, type=click.IntRange(min=1),
            help="Maximum number of jobs, the newest first.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def matching_ids(connection: Connection, wanted: JobFilter, at_most: int) -> tuple[list[str], bool]:
    """The ids of the jobs that match now, the newest first, and whether there are more."""

    async def collect(queries: Queries) -> list[str]:
        await queries.client.open()
        found: dict[str, None] = {}
        async for page in pages_of(queries.driver.insight, wanted):
            found |= dict.fromkeys(job.job_id for job in page)
            if len(found) > at_most:
                break
        return list(found)

    found = connection.ask(collect)
    return found[:at_most], len(found) > at_most


def agreed(verb: str, number: int, more: bool, *, yes: bool, dry_run: bool) -> bool:
    """Whether so many jobs are to be changed; False: there is nothing to do, and it has been said why.

    Raises:
        SystemExit: whoever was asked does not want it.
    """
    many = f"the {number} newest of more jobs that match" if more else f"{number} jobs that match"
    if dry_run or not number:
        click.echo(f"{verb} would change {many}" if number else "No job matches.", err=True)
        return False
    if not yes and not click.confirm(f"{verb.capitalize()} {many}?", err=True):
        click.echo("Nothing was changed.", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    return True


def in_batches(
    connection: Connection, ids: Sequence[str], act: Callable[[Queries, list[str]], Awaitable[list[_T]]]
) -> list[_T]:
    """What each job met, in order; of many, with a line of progress for each batch."""

    async def each(queries: Queries) -> list[_T]:
        answers: list[_T] = []
        for first in range(0, len(ids), AT_ONCE):
            answers += await act(queries, list(ids[first : first + AT_ONCE]))
            if len(ids) > AT_ONCE:
                click.echo(f"{len(answers)} of {len(ids)}", err=True)
        return answers

    return connection.ask(each)
