"""`pgq health`: whether somebody must act, as an exit code."""

from __future__ import annotations

import os
import socket
from datetime import datetime
from typing import Any

import click

from pg_scheduler.client.job_client import JobClient
from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.problems import Problem, Severity, problems
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler_cli.doctor import problem_facts
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json


@click.command()
@click.option(
    "--max-lag", type=click.FloatRange(min=0), metavar="SECONDS",
    help="Also bad: a due job that has waited for longer, unless it is paused.",
)  # fmt: skip
@click.option("--task", metavar="NAME", help="Of tasks, look only at this one.")
@click.option("--queue", metavar="NAME", help="Of queues, look only at this one.")
@click.option(
    "--worker", "worker_id", metavar="ID",
    help="Ask for this worker alone: whether it lives and claims. `here`: one of this machine.",
)  # fmt: skip
@connecting
@as_json
def health(
    connection: Connection,
    max_lag: float | None,
    task: str | None,
    queue: str | None,
    worker_id: str | None,
    as_json: bool,
) -> None:
    """Say whether all is well, for a supervisor or a probe of a container.

    Bad is whatever `pgq doctor` calls an error. Exit code 0 if nothing is, 1 if something is (it is named on
    stderr), 2 if the database cannot be asked.
    """

    async def look(client: JobClient) -> tuple[ClusterFacts, tuple[Problem, ...]]:
        await client.open()
        facts = await client.driver.insight.cluster_facts(now=client.clock.pinned())
        return facts, problems(facts, await client.driver.insight.server_facts())

    facts, found = connection.question(look)
    if worker_id is not None:
        bad = _bad_worker(facts.workers, worker_id)
    else:
        bad = [_shown(one) for one in found if one.severity is Severity.ERROR and _concerns(one, task, queue)]
        bad += _late(facts, max_lag, task, queue)
    if as_json:
        print_json({"healthy": not bad, "bad": bad, "problems": [problem_facts(one) for one in found]})
    elif not bad:
        click.echo("healthy")
    else:
        for line in bad:
            click.echo(f"pgq: {line}", err=True)
    if bad:
        raise SystemExit(EXIT_NOT_CURRENT)


def _shown(problem: Problem) -> str:
    return f"{problem.code}: {harmless(problem.text)}"


def _concerns(problem: Problem, task: str | None, queue: str | None) -> bool:
    wanted = {"task": task, "queue": queue}.get(str(problem.about))
    return wanted is None or problem.subject in (None, wanted)


def _late(facts: ClusterFacts, max_lag: float | None, task: str | None, queue: str | None) -> list[str]:
    if max_lag is None:
        return []
    late: list[tuple[datetime, Any]] = sorted(
        (due.oldest, due.task_name)
        for due in facts.due
        if (facts.now - due.oldest).total_seconds() > max_lag
        and task in (None, due.task_name)
        and queue in (None, due.queue)
        and due.task_name not in facts.paused_tasks
        and due.queue not in facts.paused_queues
    )
    return [
        f"lag: a job of {harmless(repr(name))} has waited for {(facts.now - oldest).total_seconds():.0f} s"
        for oldest, name in late[:1]
    ]


def _bad_worker(workers: tuple[WorkerRecord, ...], wanted: str) -> list[str]:
    if wanted == "here":
        of_it = [one for one in workers if one.hostname == socket.gethostname() and _is_of_us(one)]
    else:
        of_it = [one for one in workers if one.worker_id.startswith(wanted)]
    if any(one.claims for one in of_it):
        return []
    living = any(one.alive for one in of_it)
    state = "is not known" if not of_it else "does not claim" if living else "is silent"
    return [f"worker: {'the worker of this machine' if wanted == 'here' else wanted} {state}"]


def _is_of_us(worker: WorkerRecord) -> bool:
    """In a container its process must be there, too: another one may bear this host's name."""
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
