"""`pgq doctor`: what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from pg_scheduler.client.diagnosis import Diagnosis, diagnose
from pg_scheduler.domain.problems import Problem, Severity
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import PATIENCE, Connection, as_json, connecting
from pg_scheduler_cli.output import print_json

_MARKS = {Severity.ERROR: "error", Severity.WARNING: "warn", Severity.NOTICE: "note"}


@click.command()
@connecting
@as_json
def doctor(connection: Connection, as_json: bool) -> None:
    """Look for what is wrong with the server, the tables, workers, jobs and schedules, and say what to do.

    It changes nothing. A question that takes the database longer than 3 s is left out, and that is said.
    Exit code 1 if something is wrong that somebody must mend (`error`), 2 if the check failed.
    """

    async def look(scheduler: Scheduler) -> Diagnosis:
        return await diagnose(scheduler.driver, scheduler.client.clock, PATIENCE)

    found = connection.run(look)
    if as_json:
        print_json(_facts(found))
    else:
        click.echo(f"ok     {_summary(found)}" if not found.problems else f"       {_summary(found)}")
        for line in problem_lines(found.problems):
            click.echo(line)
    if found.severe:
        raise SystemExit(EXIT_NOT_CURRENT)


def problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """A line for each, and what to do below it."""
    width = max((len(one.code) for one in problems), default=0)
    for one in problems:
        yield f"{_MARKS[one.severity]:<5}  {one.code:<{width}}  {harmless(one.text)}"
        if one.fix:
            yield f"       {'':<{width}}  -> {harmless(one.fix)}"


def problem_facts(problem: Problem) -> dict[str, Any]:
    """For programs."""
    return {
        "code": problem.code,
        "severity": str(problem.severity),
        "about": str(problem.about),
        "subject": problem.subject,
        "text": problem.text,
        "fix": problem.fix,
    }


def _summary(found: Diagnosis) -> str:
    schema = found.schema
    parts = [] if found.server is None else [f"PostgreSQL {found.server.version_text}"]
    current = "current" if schema.current else f"this code brings {schema.latest}"
    parts.append(f"schema {schema.schema!r} version {schema.version} ({current})")
    if found.cluster is not None:
        living = sum(worker.alive for worker in found.cluster.workers)
        parts.append(f"{living} living worker{'' if living == 1 else 's'}")
    if found.hears_itself is not None:
        parts.append("LISTEN works" if found.hears_itself else "LISTEN does not work")
    return ", ".join(parts)


def _facts(found: Diagnosis) -> dict[str, Any]:
    return {
        "server": None if found.server is None else found.server.version_text,
        "schema": found.schema.schema,
        "version": found.schema.version,
        "latest": found.schema.latest,
        "workers": None if found.cluster is None else sum(one.alive for one in found.cluster.workers),
        "hears_itself": found.hears_itself,
        "severe": found.severe,
        "problems": [problem_facts(one) for one in found.problems],
    }
