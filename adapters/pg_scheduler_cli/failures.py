"""`pgq failures`: what fails, by task, kind of exception and place in the user's code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from pg_scheduler.domain.acts import Delete, Retry
from pg_scheduler.domain.failures import FailureGroup, Failures
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.queries import Queries
from pg_scheduler_cli.ages import age_shown
from pg_scheduler_cli.bulk import bulk
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT, Failure
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_changes import DELETED, RETRIED, change_jobs
from pg_scheduler_cli.job_words import harmless, summary_of
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_facts, print_json, print_table
from pg_scheduler_cli.times import read_time
from pg_scheduler_cli.tracebacks import hidden

JOBS_SHOWN = 20
"""Jobs of a group that `show` names."""
ERROR_SHOWN = 100
"""Characters of an error in a table."""
GROUPS_SEARCHED = 10_000
"""Groups among which the beginning of a name is looked for."""


@click.group(cls=PlainGroup)
def failures() -> None:
    """List what fails; show, retry and discard failures that are alike."""


@failures.command("list")
@click.option("--task", help="Only of this task; also which of its jobs will be tried again after an error.")
@click.option("--since", metavar="TIME", help="Only what failed then or later: 24h (ago), 7d, or ISO 8601.")
@click.option(
    "--limit", default=50, show_default=True, type=click.IntRange(min=1), help="Maximum number of groups."
)
@reading
@as_json
def list_(connection: Connection, task: str | None, since: str | None, limit: int, as_json: bool) -> None:
    """List what fails, of the failed jobs that are stored: what failed last comes first.

    A group is one task, one kind of exception, and one place in your code; 1H, 24H and ALL are how many of
    its jobs failed in that time.
    """
    earliest = None if since is None else read_time("--since", since)

    async def look(queries: Queries) -> tuple[Failures, tuple[JobRecord, ...]]:
        found = await queries.failures(task=task, since=earliest, limit=limit)
        if task is None:
            return found, ()
        again = Selection((JobStatus.PENDING,), task, error="")
        return found, (await queries.page(again, None, JOBS_SHOWN)).jobs

    found, again = connection.ask(look)
    if found.more:
        click.echo(f"pgq: these are the {limit} groups that failed last; --limit shows more", err=True)
    if as_json:
        print_json([facts_of_group(group) for group in found.groups])
        return
    if found.groups:
        print_table(
            ["GROUP", "TASK", "ERROR", "IN", "1H", "24H", "ALL", "FIRST", "LAST", "SAMPLE"],
            [[harmless(cell) for cell in _cells(group, found.now)] for group in found.groups],
        )
    elif again:
        click.echo("No job has failed for good.")
    else:
        click.echo("Nothing has failed." if since is None else "Nothing has failed since.")
    if again:
        click.echo("\nWill be tried again:")
        print_table(
            ["ID", "QUEUE", "RETRY", "DUE", "ERROR"],
            [[harmless(cell) for cell in _retry_cells(job)] for job in again],
        )


def facts_of_group(group: FailureGroup) -> dict[str, Any]:
    """What is known of a group, for programs."""
    return {
        "group": group.group, "task": group.task_name, "error": group.error_type, "frame": group.frame,
        "count": group.count, "exact": group.exact, "last_hour": group.last_hour,
        "hour_before": group.hour_before, "last_day": group.last_day, "first": group.first,
        "last": group.last, "sample": hidden(group.sample), "sample_job_id": group.sample_job_id,
    }  # fmt: skip


def _cells(group: FailureGroup, now: datetime) -> list[Any]:
    more = "" if group.exact else "+"
    return [
        group.group[:8],
        group.task_name,
        _in_short(group.error_type, group.sample),
        group.frame or "-",
        f"{group.last_hour}{_trend(group)}",
        group.last_day,
        f"{group.count:,}{more}",
        f"{age_shown(now - group.first)} ago",
        f"{age_shown(now - group.last)} ago",
        group.sample_job_id,
    ]


def _retry_cells(job: JobRecord) -> list[Any]:
    retry = f"{job.retry_count} of {job.max_retries}"
    return [job.job_id, job.queue, retry, job.execution_time, _in_short("", job.error_message or "")]


def _in_short(error_type: str, message: str) -> str:
    """The kind of an error and how its message begins, in a line of a table."""
    first = next(iter((hidden(message) or "").strip().splitlines()), "")
    named = first.startswith(error_type.rpartition(".")[2])
    shown = first if named else f"{error_type}: {first}".removesuffix(": ")
    shown = shown or "?"
    return shown if len(shown) <= ERROR_SHOWN else f"{shown[: ERROR_SHOWN - 3]}..."


def _trend(group: FailureGroup) -> str:
    """An arrow where they become more or fewer than in the hour before."""
    if group.last_hour == group.hour_before:
        return ""
    return " ^" if group.last_hour > group.hour_before else " v"


@failures.command()
@click.argument("group")
@reading
@as_json
def show(connection: Connection, group: str, as_json: bool) -> None:
    """Show failures that are alike: the traceback of the last one, and the jobs, the newest first. The
    beginning of the group's name is enough."""

    async def read(
        queries: Queries,
    ) -> tuple[FailureGroup, tuple[JobRecord, ...], list[AttemptRecord], datetime]:
        found, meant = await _meant(queries, group)
        page = await queries.page(_jobs_of(meant), None, JOBS_SHOWN)
        return meant, page.jobs, await queries.log(meant.sample_job_id), found.now

    meant, jobs, attempts, now = connection.ask(read)
    trace = next((hidden(one.traceback) for one in reversed(attempts) if one.traceback), None)
    if as_json:
        print_json({**facts_of_group(meant), "traceback": trace, "jobs": [summary_of(job) for job in jobs]})
        return
    facts = facts_of_group(meant) | {"last": f"{age_shown(now - meant.last)} ago"}
    print_facts({name: harmless(value) for name, value in facts.items()})
    if trace:
        click.echo(f"\n{harmless(trace).rstrip()}")
    click.echo("")
    print_table(
        ["ID", "QUEUE", "FAILED AT"], [[job.job_id, harmless(job.queue), job.finished_at] for job in jobs]
    )


@failures.command()
@click.argument("group")
@bulk
@connecting
@as_json
def retry(connection: Connection, group: str, **how: Any) -> None:
    """Run failed jobs again that are alike, now, with their retry counters reset. It says how many, and asks.
    The beginning of the group's name is enough."""
    change_jobs(connection, Retry(), "retry", RETRIED, wanted=_selection(connection, group), **how)


@failures.command()
@click.argument("group")
@bulk
@connecting
@as_json
def discard(connection: Connection, group: str, **how: Any) -> None:
    """Delete failed jobs that are alike, with their history. It says how many, and asks. The beginning of the
    group's name is enough."""
    change_jobs(connection, Delete(), "delete", DELETED, wanted=_selection(connection, group), **how)


def _selection(connection: Connection, group: str) -> Selection:
    async def find(queries: Queries) -> FailureGroup:
        return (await _meant(queries, group))[1]

    return _jobs_of(connection.ask(find))


def _jobs_of(group: FailureGroup) -> Selection:
    return Selection((JobStatus.FAILED,), error_group=group.group)


async def _meant(queries: Queries, given: str) -> tuple[Failures, FailureGroup]:
    """The group whose name begins so.

    Raises:
        Failure: several do.
        SystemExit: none does.
    """
    found = await queries.failures(limit=GROUPS_SEARCHED)
    meant = [group for group in found.groups if group.group.startswith(given)]
    if len(meant) > 1:
        raise Failure(f"{len(meant)} groups begin with {given!r}. Type more of the name")
    if not meant:
        click.echo(f"pgq: no group {given!r} has failed jobs: `pgq failures list` shows them", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    return found, meant[0]
