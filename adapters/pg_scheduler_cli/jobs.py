"""`pgq jobs`: look at jobs, and change them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import click

from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.domain.errors import InvalidInput, JobNotFound
from pg_scheduler.domain.model import AttemptRecord, JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.queries import Queries
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_words import attempt_facts, facts_of, harmless, lines_of, rank_shown, summary_of
from pg_scheduler_cli.json_option import read_json
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_facts, print_json, print_table

ANSWERS = {
    CancelAnswer.CANCELLED: "cancelled",
    CancelAnswer.REQUESTED: "runs; its worker has been told to stop it",
    CancelAnswer.FINISHED: "has ended already",
    CancelAnswer.UNKNOWN: "is not stored",
}

RETRY_ANSWERS = {
    RetryAnswer.RETRIED: "is pending again",
    RetryAnswer.PENDING: "is pending: not ended",
    RetryAnswer.RUNNING: "is running: not ended",
    RetryAnswer.DUPLICATE: "has the dedupe key of an unfinished job",
    RetryAnswer.UNKNOWN: "is not stored",
}


@click.group(cls=PlainGroup)
def jobs() -> None:
    """List, show, enqueue, cancel and retry jobs."""


@jobs.command("list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice([str(status) for status in JobStatus]),
    help="May be repeated; default: all.",
)  # fmt: skip
@click.option("--task", "--entrypoint", "task", help="Only jobs of this name.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(min=1), help="At most so many.")
@connecting
@as_json
def list_(
    connection: Connection, statuses: Sequence[str], task: str | None, limit: int, as_json: bool
) -> None:
    """Jobs in order of their times, without what they were given.

    RANK: smaller runs first. It is what `schedule(priority=)` was given, with the name of a JobPriority;
    `enqueue --priority N` makes it 5 - N.
    """
    wanted = [JobStatus(status) for status in statuses]
    found = connection.run(
        lambda scheduler: scheduler.driver.insight.jobs(statuses=wanted, task_name=task, limit=limit)
    )
    summaries = [summary_of(job) for job in found]
    if as_json:
        print_json(summaries)
        return
    columns = ["id", "entrypoint", "status", "rank", "execute_after", "finished_at", "attempts"]
    print_table(
        [column.replace("_", " ").upper() for column in columns],
        [
            [harmless(one[column]) for column in columns]
            for one in ({**summary, "rank": rank_shown(summary["rank"])} for summary in summaries)
        ],
    )


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.option("--full", is_flag=True, help="Payload, arguments and result in their whole length.")
@connecting
@as_json
def show(connection: Connection, job_id: str, full: bool, as_json: bool) -> None:
    """All about one job: what it was given, how far it got, what went wrong.

    A payload that is not text is shown in base64.
    """

    async def read(queries: Queries) -> tuple[JobRecord, list[AttemptRecord]]:
        found = await queries.job(job_id)
        if found is None:
            raise JobNotFound(job_id)
        return found, await queries.log(job_id)

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
@click.argument("entrypoint")
@click.argument("payload", required=False)
@click.option("--stdin", is_flag=True, help="Read the payload, any bytes, from standard input.")
@click.option("--priority", default=0, show_default=True, help="Higher runs first.")
@click.option("--delay", type=float, metavar="SECONDS", help="Not before so many seconds from now.")
@click.option("--at", metavar="TIME", help="Not before, in ISO 8601 with its offset: 2030-01-31T08:00:00Z.")
@click.option("--dedupe-key", help="Refused while an unfinished job has the same key.")
@click.option("--limit-key", help="Whose share of the entrypoint's limits it takes.")
@click.option("--headers", metavar="JSON", help="A JSON object that travels with the payload.")
@click.option("--max-retries", default=0, show_default=True, help="How often it is tried again.")
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
    """Store a job for ENTRYPOINT; prints its id. PAYLOAD is text, sent as UTF-8."""
    if stdin and payload is not None:
        raise click.UsageError("the payload is either an argument or comes by --stdin")
    data = sys.stdin.buffer.read() if stdin else _bytes_of(payload)
    options["headers"] = None if headers is None else read_json("--headers", headers, dict)
    options["execute_after"] = _when(delay, at)
    (job_id,) = connection.ask(lambda queries: queries.enqueue(entrypoint, data, **options))
    print_json({"id": str(job_id)}) if as_json else click.echo(job_id)


def _bytes_of(payload: str | None) -> bytes | None:
    return None if payload is None else payload.encode("utf-8", "surrogateescape")


def _when(delay: float | None, at: str | None) -> timedelta | datetime | None:
    if delay is not None and at is not None:
        raise click.UsageError("--delay or --at, not both")
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
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@connecting
@as_json
def cancel(connection: Connection, job_ids: tuple[str, ...], as_json: bool) -> None:
    """Cancel pending jobs, and have running ones stopped.

    Exit code 1 if there was nothing to cancel in one of them.
    """
    answers = connection.ask(lambda queries: queries.cancel(job_ids))
    _report(job_ids, [str(answer) for answer in answers], [ANSWERS[answer] for answer in answers], as_json)
    if not set(answers) <= {CancelAnswer.CANCELLED, CancelAnswer.REQUESTED}:
        raise SystemExit(EXIT_NOT_CURRENT)


@jobs.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@connecting
@as_json
def retry(connection: Connection, job_ids: tuple[str, ...], as_json: bool) -> None:
    """Run jobs that have ended once more, now, with their counters at zero.

    Exit code 1 if one of them is not stored, or has not ended.
    """

    answers = connection.ask(lambda queries: queries.retry(job_ids))
    words = [RETRY_ANSWERS[answer] for answer in answers]
    _report(job_ids, [str(answer) for answer in answers], words, as_json)
    if set(answers) != {RetryAnswer.RETRIED}:
        raise SystemExit(EXIT_NOT_CURRENT)


def _report(job_ids: Sequence[str], answers: Sequence[str], words: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json([{"id": one, "answer": answer} for one, answer in zip(job_ids, answers, strict=True)])
        return
    for one, word in zip(job_ids, words, strict=True):
        click.echo(f"{one} {word}")
