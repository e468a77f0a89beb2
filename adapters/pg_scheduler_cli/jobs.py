"""`pgq jobs`: list and change jobs."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.domain.errors import InvalidInput, JobNotFound
from pg_scheduler.domain.job_filter import JobFilter
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.states import FINISHED, UNFINISHED
from pg_scheduler.domain.why import Reason, must_act
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.queries import Queries
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.bulk import agreed, bulk, in_batches, matching_ids
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.filters import filtering
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_ids import whole_ids
from pg_scheduler_cli.job_reasons import reason_lines
from pg_scheduler_cli.job_words import attempt_facts, facts_of, harmless, lines_of, rank_shown, summary_of
from pg_scheduler_cli.json_option import read_json
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_facts, print_json, print_table

ANSWERS = {
    CancelAnswer.CANCELLED: "cancelled",
    CancelAnswer.REQUESTED: "is running; its worker has been asked to stop it",
    CancelAnswer.FINISHED: "has already finished",
    CancelAnswer.UNKNOWN: "not found",
}

RETRY_ANSWERS = {
    RetryAnswer.RETRIED: "is pending again",
    RetryAnswer.PENDING: "not retried: it is pending",
    RetryAnswer.RUNNING: "not retried: it is running",
    RetryAnswer.DUPLICATE: "not retried: an unfinished job has the same dedupe key",
    RetryAnswer.CHANGED: "not retried: it has changed since it was counted",
    RetryAnswer.UNKNOWN: "not found",
}


@click.group(cls=PlainGroup)
def jobs() -> None:
    """List, show, enqueue, cancel and retry jobs."""


@jobs.command("list")
@filtering
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(min=1), help="Maximum number of jobs."
)
@click.option(
    "--newest", is_flag=True, help="The newest first, by execution time; default: the oldest first."
)
@connecting
@as_json
def list_(
    connection: Connection,
    wanted: JobFilter,
    limit: int,
    newest: bool,
    as_json: bool,
) -> None:
    """List jobs in order of execution time; payloads and arguments are omitted. If there are more than
    --limit, a line on stderr says so.

    RANK decides which due job starts first: the smaller one. It is the `priority` passed to `schedule()`,
    shown with the name of its JobPriority; `pgq jobs enqueue --priority N` stores the rank 5 - N.
    """
    found = connection.run(
        lambda scheduler: scheduler.driver.insight.jobs(
            **wanted.criteria, limit=limit + 1, newest_first=newest
        )
    )
    if not found and not as_json:
        click.echo("No job matches." if wanted != JobFilter() else "There are no jobs.", err=True)
    if len(found) > limit:
        shown = "newest" if newest else "oldest"
        more = "" if newest else " --newest shows the newest."
        click.echo(f"pgq: these are the {limit} {shown} jobs; there are more.{more}", err=True)
    summaries = [summary_of(job) for job in found[:limit]]
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
@connecting
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


@jobs.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@filtering
@bulk
@connecting
@as_json
def cancel(
    connection: Connection, job_ids: tuple[str, ...], wanted: JobFilter, as_json: bool, **how: Any
) -> None:
    """Cancel pending jobs, and stop running ones: those given, or all that match the options. The beginning
    of an id is enough.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs has already finished or
    does not exist.
    """
    chosen = _chosen(connection, job_ids, wanted.only(UNFINISHED), "cancel", wanted, **how)
    if chosen is None:
        return
    answers = in_batches(
        connection, chosen, lambda queries, ids: queries.client.cancel(ids, by=whoever_types())
    )
    _report(chosen, answers, ANSWERS, as_json, brief=not job_ids)
    if not set(answers) <= {CancelAnswer.CANCELLED, CancelAnswer.REQUESTED}:
        raise SystemExit(EXIT_NOT_CURRENT)


@jobs.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@filtering
@bulk
@connecting
@as_json
def retry(
    connection: Connection, job_ids: tuple[str, ...], wanted: JobFilter, as_json: bool, **how: Any
) -> None:
    """Run finished jobs again, now, with their retry counters reset: those given, or all that match the
    options. The beginning of an id is enough.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs could not be retried: it
    does not exist, has not finished, has changed since, or an unfinished job has its dedupe key.
    """
    finished = wanted.only(FINISHED)
    chosen = _chosen(connection, job_ids, finished, "retry", wanted, **how)
    if chosen is None:
        return
    still = None if job_ids else finished
    answers = in_batches(
        connection, chosen, lambda queries, ids: queries.client.retry(ids, by=whoever_types(), still=still)
    )
    _report(chosen, answers, RETRY_ANSWERS, as_json, brief=not job_ids)
    if set(answers) != {RetryAnswer.RETRIED}:
        raise SystemExit(EXIT_NOT_CURRENT)


def _chosen(
    connection: Connection,
    job_ids: tuple[str, ...],
    possible: JobFilter | None,
    verb: str,
    wanted: JobFilter,
    *,
    yes: bool,
    dry_run: bool,
    at_most: int,
) -> list[str] | None:
    """The ids that are meant; None: nothing is to be done.

    Raises:
        UsageError: neither ids nor options, or both; a status that leaves nothing to do.
    """
    if bool(job_ids) == (wanted != JobFilter()):
        raise click.UsageError("give ids of jobs, or options that say which (--status, --task, ...)")
    if job_ids:
        return connection.ask(lambda queries: whole_ids(queries, job_ids))
    if possible is None:
        raise click.UsageError(f"jobs with this --status cannot be changed by `{verb}`")
    ids, more = matching_ids(connection, possible, at_most)
    return ids if agreed(verb, len(ids), more, yes=yes, dry_run=dry_run) else None


def _report(
    job_ids: Sequence[str],
    answers: Sequence[CancelAnswer] | Sequence[RetryAnswer],
    words: Mapping[Any, str],
    as_json: bool,
    brief: bool,
) -> None:
    """What each job met; `brief`: of those that went as wanted, only how many there are."""
    if as_json:
        print_json([{"id": one, "answer": str(answer)} for one, answer in zip(job_ids, answers, strict=True)])
        return
    if not brief:
        for one, answer in zip(job_ids, answers, strict=True):
            click.echo(f"{one} {words[answer]}")
        return
    for answer, number in Counter(answers).items():
        click.echo(f"{number} jobs: {words[answer]}")
