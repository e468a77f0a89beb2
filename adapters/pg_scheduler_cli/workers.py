"""`pgq workers`: who runs jobs, and how one of them is taken out of service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from pg_scheduler.domain.spelling import did_you_mean
from pg_scheduler.domain.workers import WishAnswer, WorkerRecord, WorkerWish
from pg_scheduler.queries import Queries
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.ages import age_shown
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT, Failure
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_json, print_table

NAMES_SHOWN = 3
"""Names of tasks that one line of the list shows."""
_DONE = {
    WorkerWish.QUIET: "claims no more; what runs goes on",
    WorkerWish.WORK: "claims again",
    WorkerWish.STOP: "shuts down",
}


@click.group(cls=PlainGroup)
def workers() -> None:
    """List workers; let one claim no more, go on, or stop."""


@workers.command("list")
@reading
@as_json
def list_(connection: Connection, as_json: bool) -> None:
    """List the workers that live, and those that are silent and not forgotten yet.

    RUNNING is how many jobs run there, of how many that may at once; OLDEST, for how long the first of them
    has been running; SEEN, how long ago the worker has renewed its leases.
    """
    found = connection.ask(lambda queries: queries.workers())
    if as_json:
        print_json([facts_of_worker(worker) for worker in found])
        return
    if not found:
        click.echo("No worker runs.")
        return
    columns = ["worker", "host", "pid", "version", "state", "running", "oldest", "queues", "tasks", "seen"]
    print_table(
        [column.upper() for column in columns], [[harmless(cell) for cell in _cells(one)] for one in found]
    )


def facts_of_worker(worker: WorkerRecord) -> dict[str, Any]:
    """What is known of a worker, for programs."""
    profile = worker.profile
    return {
        "id": worker.worker_id,
        "host": worker.hostname,
        "pid": worker.pid,
        "state": state_shown(worker),
        "wish": str(worker.wish),
        "alive": worker.alive,
        "listening": worker.listening,
        "started_at": worker.started_at,
        "last_seen": worker.last_seen,
        "seen_seconds_ago": worker.seen_ago,
        "running": worker.running,
        "capacity": None if profile is None else profile.capacity,
        "oldest_start": worker.oldest_start,
        "queues": None if profile is None else profile.queues,
        "tasks": None if profile is None else profile.task_names,
        "only": None if profile is None else profile.chosen,
        "app_version": None if profile is None else profile.app_version,
        "library_version": None if profile is None else profile.library_version,
    }


def state_shown(worker: WorkerRecord) -> str:
    """In a word: ``silent`` beats whatever it said last."""
    if not worker.alive:
        return "silent"
    return "unknown" if worker.state is None else str(worker.state)


def _cells(worker: WorkerRecord) -> list[Any]:
    profile = worker.profile
    oldest = None if worker.oldest_start is None else worker.last_seen + worker.seen_ago - worker.oldest_start
    return [
        worker.worker_id,
        worker.hostname,
        worker.pid,
        None if profile is None else profile.app_version,
        state_shown(worker),
        f"{worker.running}/{'?' if profile is None else profile.capacity}",
        age_shown(oldest),
        "?" if profile is None else _queues_shown(worker),
        "?" if profile is None else _names_shown(profile.chosen or profile.task_names),
        f"{age_shown(worker.seen_ago)} ago",
    ]


def _queues_shown(worker: WorkerRecord) -> str:
    queues = worker.profile.queues if worker.profile else None
    if queues is None:
        return "all"
    return ",".join(name if slots is None else f"{name}:{slots}" for name, slots in sorted(queues.items()))


def _names_shown(names: tuple[str, ...]) -> str:
    left = len(names) - NAMES_SHOWN
    return ",".join(names[:NAMES_SHOWN]) + (f" and {left} more" if left > 0 else "") or "none"


def _asking(wish: WorkerWish) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command that asks workers for this."""

    def decorate(described: Callable[..., Any]) -> click.Command:
        @click.argument("ids", metavar="WORKER...", nargs=-1, required=True)
        @connecting
        @as_json
        def command(connection: Connection, ids: tuple[str, ...], as_json: bool) -> None:
            _ask(connection, ids, wish, as_json)

        command.__doc__ = described.__doc__
        return workers.command(described.__name__)(command)

    return decorate


@_asking(WorkerWish.QUIET)
def quiet() -> None:
    """Let workers claim no more. What runs there goes on; `resume` ends it, and so does a restart.

    The beginning of an id is enough. Exit code 1 if there is no such worker.
    """


@_asking(WorkerWish.WORK)
def resume() -> None:
    """Let quiet workers claim again."""


@_asking(WorkerWish.STOP)
def stop() -> None:
    """Let workers shut down, as SIGTERM does: running jobs get their grace, then they are released.

    Whatever supervises the process (systemd, `pgq run --processes`) may start it again. Exit code 1 if there
    is no such worker.
    """


def _ask(connection: Connection, ids: tuple[str, ...], wish: WorkerWish, as_json: bool) -> None:
    async def each(queries: Queries) -> list[tuple[str, WishAnswer, str]]:
        known = [worker.worker_id for worker in await queries.workers()]
        return [await _ask_one(queries, known, one, wish) for one in ids]

    answers = connection.ask(each)
    if as_json:
        print_json([{"id": one, "answer": str(answer)} for one, answer, _ in answers])
    for one, answer, hint in answers:
        if answer is WishAnswer.UNKNOWN:
            click.echo(f"pgq: no worker {one!r}{hint or ': `pgq workers list` shows them'}", err=True)
        elif not as_json:
            again = " (it was asked before)" if answer is WishAnswer.UNCHANGED else ""
            click.echo(f"{one} {_DONE[wish]}{again}")
    if any(answer is WishAnswer.UNKNOWN for _, answer, _ in answers):
        raise SystemExit(EXIT_NOT_CURRENT)


async def _ask_one(
    queries: Queries, known: list[str], given: str, wish: WorkerWish
) -> tuple[str, WishAnswer, str]:
    meant = [given] if given in known else [one for one in known if one.startswith(given)]
    if len(meant) > 1:
        raise Failure(f"several workers have ids that begin with {given!r}: {', '.join(meant)}")
    if not meant:
        return given, WishAnswer.UNKNOWN, did_you_mean(given, known)
    return meant[0], await queries.client.ask_worker(meant[0], wish, by=whoever_types()), ""
