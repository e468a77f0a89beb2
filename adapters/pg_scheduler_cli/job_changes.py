"""`pgq jobs cancel`, `retry`, `delete` and `reschedule`: of jobs that are named, or of all that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import click

from pg_scheduler.client.changing import AT_ONCE, Choice
from pg_scheduler.domain.acts import (
    Action,
    Cancel,
    ChangeAnswer,
    Changed,
    ChosenJob,
    Delete,
    Reschedule,
    Retry,
)
from pg_scheduler.domain.selection import Selection
from pg_scheduler.queries import Queries
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.bulk import agreed, bulk
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.filters import filtering
from pg_scheduler_cli.group_names import with_whole_group
from pg_scheduler_cli.job_ids import whole_ids
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json
from pg_scheduler_cli.times import read_moment


class Words(NamedTuple):
    """What an answer is called, for programs and for people."""

    code: str
    text: str


def _words(verb: str, done: Words, **others: Words) -> dict[ChangeAnswer, Words]:
    """How the answers to one verb are told."""
    return {
        ChangeAnswer.CHANGED: done,
        ChangeAnswer.REQUESTED: Words("requested", "is running; its worker has been asked to stop it"),
        ChangeAnswer.PENDING: Words("pending", f"not {verb}: it is pending"),
        ChangeAnswer.RUNNING: Words("running", f"not {verb}: it is running"),
        ChangeAnswer.FINISHED: Words("finished", f"not {verb}: it has finished"),
        ChangeAnswer.DUPLICATE: Words("duplicate", f"not {verb}: an unfinished job has the same dedupe key"),
        ChangeAnswer.HELD: Words("held", f"not {verb}: an open transaction holds it; try again"),
        ChangeAnswer.NO_MATCH: Words("changed", f"not {verb}: it has changed since it was counted"),
        ChangeAnswer.UNKNOWN: Words("unknown", "not found"),
        **{ChangeAnswer[answer]: words for answer, words in others.items()},
    }


CANCELLED = _words(
    "cancelled", Words("cancelled", "cancelled"), FINISHED=Words("finished", "has already finished")
)
RETRIED = _words("retried", Words("retried", "is pending again"))
DELETED = _words("deleted", Words("deleted", "deleted"))
RESCHEDULED = _words("rescheduled", Words("rescheduled", "starts at another time"))


@click.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@filtering
@bulk
@connecting
@as_json
def cancel(connection: Connection, **how: Any) -> None:
    """Cancel pending jobs, and stop running ones: those given, or all that match the options. The beginning
    of an id is enough.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs has already finished or
    does not exist. `pgq jobs retry --audit N` runs them after all.
    """
    change_jobs(connection, Cancel(), "cancel", CANCELLED, **how)


@click.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@filtering
@bulk
@connecting
@as_json
def retry(connection: Connection, **how: Any) -> None:
    """Run finished jobs again, now, with their retry counters reset: those given, or all that match the
    options. The beginning of an id is enough.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs could not be retried: it
    does not exist, has not finished, has changed since, or an unfinished job has its dedupe key.
    """
    change_jobs(connection, Retry(), "retry", RETRIED, **how)


@click.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@filtering
@bulk
@connecting
@as_json
def delete(connection: Connection, **how: Any) -> None:
    """Delete jobs with their history, but for running ones: those given, or all that match the options. The
    beginning of an id is enough. Nobody brings them back.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs runs or does not exist.
    """
    change_jobs(connection, Delete(), "delete", DELETED, **how)


@click.command()
@click.argument("job_ids", metavar="[ID...]", nargs=-1)
@click.option(
    "--at", metavar="TIME", help="Start no earlier than this: ISO 8601 with offset.  [default: now]"
)
@click.option(
    "--in", "delay", metavar="TIME", help="Start no earlier than so long from now: 90s, 15m, 2h, 1d."
)
@filtering
@bulk
@connecting
@as_json
def reschedule(connection: Connection, at: str | None, delay: str | None, **how: Any) -> None:
    """Let pending jobs start at another time, by default now: those given, or all that match the options. The
    beginning of an id is enough.

    By options it says how many jobs match, and asks. Exit code 1 if one of the jobs is not pending or does
    not exist.
    """
    if at is not None and delay is not None:
        raise click.UsageError("pass --at or --in, not both")
    time: datetime | None = None if at is None and delay is None else read_moment(at, delay)
    change_jobs(connection, Reschedule(time), "reschedule", RESCHEDULED, **how)


def change_jobs(
    connection: Connection,
    action: Action,
    verb: str,
    words: Mapping[ChangeAnswer, Words],
    *,
    job_ids: tuple[str, ...] = (),
    wanted: Selection,
    as_json: bool,
    yes: bool,
    dry_run: bool,
    at_most: int,
) -> None:
    """Change the jobs that are meant, and say what each met.

    Raises:
        UsageError: neither ids nor options, or both; a status that leaves nothing to do.
        SystemExit: not everything was done that was asked for.
    """
    if bool(job_ids) == (wanted != Selection()):
        raise click.UsageError("give ids of jobs, or options that say which (--status, --task, ...)")
    if not job_ids and wanted.only(action.possible) is None:
        raise click.UsageError(f"jobs with this --status cannot be changed by `{verb}`")

    async def choose(queries: Queries) -> Choice:
        if job_ids:
            return Choice([ChosenJob(one) for one in await whole_ids(queries, job_ids)])
        return await queries.client.choose(await with_whole_group(queries, wanted), action, at_most)

    choice = connection.look(choose)
    if not job_ids and not agreed(verb, len(choice.jobs), choice.left, yes=yes, dry_run=dry_run):
        return

    def progress(done: int, number: int) -> None:
        if number > done or done > AT_ONCE:
            click.echo(f"{done} of {number}", err=True)

    answer = connection.ask(
        lambda queries: queries.client.change(choice, action, by=whoever_types(), on_progress=progress)
    )
    _report(choice, answer, words, as_json, brief=not job_ids)
    if not all(one.done for one in answer.answers.values()):
        raise SystemExit(EXIT_NOT_CURRENT)


def _report(
    choice: Choice, changed: Changed, words: Mapping[ChangeAnswer, Words], as_json: bool, brief: bool
) -> None:
    """What each job met; `brief`: only how many met what."""
    met = [(job.job_id, words[changed.answers[job.job_id]]) for job in choice.jobs]
    if as_json:
        print_json([{"id": job_id, "answer": answer.code} for job_id, answer in met])
        return
    if not brief:
        for job_id, answer in met:
            click.echo(f"{job_id} {answer.text}")
        return
    for answer, number in Counter(answer for _, answer in met).items():
        click.echo(f"{number} jobs: {answer.text}")
    if changed.audit_id is not None:
        click.echo(f"This is act {changed.audit_id} of `pgq audit`.", err=True)
