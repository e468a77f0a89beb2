"""`pgq jobs`: list and change jobs."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

import click

from pg_scheduler.domain.errors import InvalidInput, JobNotFound
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.paging import Cursor
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.why import Reason, must_act
from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.filters import filtering
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_changes import cancel, delete, reschedule, retry
from pg_scheduler_cli.job_ids import whole_ids
from pg_scheduler_cli.job_reasons import reason_lines
from pg_scheduler_cli.job_words import attempt_facts, facts_of, harmless, lines_of, rank_shown, summary_of
from pg_scheduler_cli.json_option import read_json
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_facts, print_json, print_table
from pg_scheduler_cli.searching import searched


@click.group(cls=PlainGroup)
def jobs() -> None:
    """List, show, enqueue, cancel and retry jobs."""


@jobs.command("list")
@filtering
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="Maximum number of jobs."
)
@click.option(
    "--cursor", metavar="PLACE", help="Go on from where the list before ended; it says where on stderr."
)
@click.option("--newest", is_flag=True, hidden=True)
@reading
@as_json
def list_(
    connection: Connection, wanted: Selection, limit: int, cursor: str | None, newest: bool, as_json: bool
) -> None:
    """List jobs, the newest first: by the time when they ended, or are due; payloads and arguments are
    omitted. If there are more than --limit, a line on stderr says so, and how to go on.

    RANK decides which due job starts first: the smaller one. It is the `priority` passed to `schedule()`,
    shown with the name of its JobPriority; `pgq jobs enqueue --priority N` stores the rank 5 - N.
    """
    after = None if cursor is None else Cursor.of(cursor)
    found = connection.ask(lambda queries: searched(queries, wanted, after, limit))
    if not found.jobs and not as_json:
        click.echo("No job matches." if wanted != Selection() else "There are no jobs.", err=True)
    if found.next is not None:
        click.echo(f"pgq: {found.reason}: --cursor {found.next}", err=True)
    summaries = [summary_of(job) for job in found.jobs]
    if as_json:
        print_json(summaries)
        return
    columns = ["id", "queue", "entrypoint", "status", "rank", "execute_after", "finished_at", "attempts"]
    print_table(
        [column.replace("_", " ").upper() for column in columns],
        [
            [harmless(one[column]) for column in columns]
            for one in ({**summary, "rank": rank_shown(summary["rank"])} for summary in summaries)
        ],
    )


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.option("--full", is_flag=True, help="Do not shorten payload, arguments and result.")
@reading
@as_json
def show(connection: Connection, job_id: str, full: bool, as_json: bool) -> None:
    """Show one job: its payload or arguments, progress, result, and attempts that failed. The beginning of
    its id is enough.

    A payload that is not UTF-8 text is shown in base64.
    """

    async def read(queries: Queries) -> tuple[JobRecord, list[AttemptRecord]]:
        (wanted,) = await whole_ids(queries, [job_id])
        found = await queries.job(wanted)
        if found is None:
            raise JobNotFound(job_id)
        return found, await queries.log(wanted)

    job, history = connection.ask(read)
    facts, attempts = facts_of(job, full), [attempt_facts(attempt) for attempt in history]
    if as_json:
        print_json({**facts, "history": attempts})
        return
    print_facts(lines_of(facts, attempts))
    for attempt in attempts:
        trace = attempt.pop("traceback")
        click.echo("")
        print_facts({name: harmless(value) for name, value in attempt.items() if value is not None})
        if trace:
            click.echo(harmless(trace).rstrip())


@jobs.command()
@click.argument("job_id", metavar="ID")
@connecting
@as_json
def why(connection: Connection, job_id: str, as_json: bool) -> None:
    """Say why a job does not run: what a claim checks, in its order, with the facts. The beginning of its id
    is enough.

    \b
    Exit codes:
      0  it will run by itself, runs, or has completed
      1  somebody has to act, or it is not there
      2  the command failed
    """

    async def ask(queries: Queries) -> tuple[str, JobRecord | None, tuple[Reason, ...]]:
        (wanted,) = await whole_ids(queries, [job_id])
        return wanted, await queries.job(wanted), await queries.why(wanted)

    whole, job, reasons = connection.ask(ask)
    if as_json:
        print_json({"id": whole, "act": must_act(reasons), "reasons": reasons})
    else:
        what = f"{harmless(job.task_name)}  {job.status}" if job else "not found"
        click.echo(f"job {harmless(whole)}  {what}")
        for line in reason_lines(reasons):
            click.echo(line)
    if must_act(reasons):
        raise SystemExit(EXIT_NOT_CURRENT)


@jobs.command()
@click.argument("entrypoint")
@click.argument("payload", required=False)
@click.option("--stdin", is_flag=True, help="Read the payload from standard input, as bytes.")
@click.option("--priority", default=0, show_default=True, help="Higher runs first.")
@click.option(
    "--delay", type=float, metavar="SECONDS", help="Start no earlier than this many seconds from now."
)
@click.option(
    "--at",
    metavar="TIME",
    help="Start no earlier than this time: ISO 8601 with offset, 2030-01-31T08:00:00Z.",
)
@click.option("--dedupe-key", help="Reject the job while an unfinished job has the same key.")
@click.option(
    "--limit-key", help="Key, for example a customer, to which the entrypoint's limits apply separately."
)
@click.option("--queue", help="Queue in which the job waits.  [default: default]")
@click.option("--headers", metavar="JSON", help="A JSON object to send along with the payload.")
@click.option("--max-retries", default=0, show_default=True, help="How many times a failed job is retried.")
@connecting
@as_json
def enqueue(
    connection: Connection,
    entrypoint: str,
    payload: str | None,
    stdin: bool,
    delay: float | None,
    at: str | None,
    headers: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Enqueue a job for ENTRYPOINT and print its id. PAYLOAD is text, stored as UTF-8."""
    if stdin and payload is not None:
        raise click.UsageError("pass the payload as an argument or by --stdin, not both")
    data = sys.stdin.buffer.read() if stdin else _bytes_of(payload)
    options["headers"] = None if headers is None else read_json("--headers", headers, dict)
    options["execute_after"] = _when(delay, at)
    (job_id,) = connection.ask(lambda queries: queries.enqueue(entrypoint, data, **options))
    print_json({"id": str(job_id)}) if as_json else click.echo(job_id)


def _bytes_of(payload: str | None) -> bytes | None:
    return None if payload is None else payload.encode("utf-8", "surrogateescape")


def _when(delay: float | None, at: str | None) -> timedelta | datetime | None:
    if delay is not None and at is not None:
        raise click.UsageError("pass --delay or --at, not both")
    if delay is not None:
        try:
            return timedelta(seconds=delay)
        except (OverflowError, ValueError):
            raise InvalidInput("--delay", f"cannot be {delay}") from None
    if at is None:
        return None
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        raise InvalidInput("--at", f"not a time: {at!r}", "For example 2030-01-31T08:00:00Z") from None
    if time.tzinfo is None:
        raise InvalidInput("--at", f"{at!r} has no offset", f"For UTC write {at}Z")
    return time


for command in (cancel, retry, delete, reschedule):
    jobs.add_command(command)
