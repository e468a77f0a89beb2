"""`pgq schedules`: list and change schedules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import click

from pg_scheduler.client.schedule_book import ScheduleBook
from pg_scheduler.client.schedule_info import ScheduleInfo
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.actor import whoever_types
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.json_option import read_json
from pg_scheduler_cli.known_names import is_known, warn_of
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_facts, print_json, print_table, shown


@click.group(cls=PlainGroup)
def schedules() -> None:
    """List and change schedules, for all workers."""


@schedules.command("list")
@reading
@as_json
def list_(connection: Connection, as_json: bool) -> None:
    """List all schedules, ordered by key."""
    found = connection.run(lambda scheduler: scheduler.list_schedules())
    if as_json:
        print_json(found)
        return
    print_table(
        ["KEY", "TASK", "WHEN", "STATE", "NEXT", "LAST", "RUNS", "SKIPPED"],
        [
            [info.key, info.task_name, _when(info), _state(info), info.next_run, info.last_run,
             info.run_count, info.skipped_count]
            for info in found
        ],
    )  # fmt: skip


def _when(info: ScheduleInfo) -> str:
    return f"every {info.every}" if info.every is not None else f"{info.cron} ({info.timezone})"


def _state(info: ScheduleInfo) -> str:
    if info.retired:
        return "retired"
    if info.unreadable:
        return f"unreadable: {info.unreadable}"
    return "active" if info.enabled else "paused"


@schedules.command()
@click.argument("key")
@reading
@as_json
def show(connection: Connection, key: str, as_json: bool) -> None:
    """Show one schedule and its last run."""

    async def read(scheduler: Scheduler) -> dict[str, Any]:
        await scheduler.schedules.record(key)  # raises if there is none
        return {**(await scheduler.schedule_status(key) or {})}

    facts = connection.run(read)
    print_json(facts) if as_json else print_facts(facts)


@schedules.command("next")
@click.argument("key")
@click.option("-n", "count", default=5, show_default=True, help="Number of runs to show.")
@reading
@as_json
def next_(connection: Connection, key: str, count: int, as_json: bool) -> None:
    """Show the next runs, in UTC. If a cron expression restricts both day of month and day of week, a day
    that matches either is a match."""
    runs = connection.run(lambda scheduler: scheduler.next_runs(key, count))
    if as_json:
        print_json(runs)
        return
    for run in runs:
        click.echo(shown(run))


@schedules.command()
@click.argument("task")
@click.option("--every", type=float, help="Seconds between runs.")
@click.option("--cron", help='For example "0 3 * * MON-FRI".')
@click.option("--timezone", help="IANA time zone of --cron. Default: UTC.")
@click.option("--key", help="Key of the schedule; adding the same key again replaces it.")
@click.option("--args", "args_text", default="[]", help="JSON list of positional arguments.")
@click.option("--kwargs", "kwargs_text", default="{}", help="JSON object of keyword arguments.")
@click.option(
    "--catch-up",
    type=click.Choice(["none", "latest", "all"]),
    default="latest",
    show_default=True,
    help="Which missed runs are made up for.",
)
@click.option(
    "--overlap",
    type=click.Choice(["wait", "skip", "allow"]),
    default="wait",
    show_default=True,
    help="What to do while an earlier run is unfinished.",
)
@connecting
@as_json
def add(
    connection: Connection,
    task: str,
    every: float | None,
    args_text: str,
    kwargs_text: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Run TASK repeatedly; prints the key of the schedule.

    A line on stderr warns of a TASK that no job, no limits and no other schedule name: no worker has run it.
    """
    chosen = {
        **settings,
        "every": None if every is None else timedelta(seconds=every),
        "args": read_json("--args", args_text, list),
        "kwargs": read_json("--kwargs", kwargs_text, dict),
    }

    async def store(scheduler: Scheduler) -> tuple[str, bool]:
        others = {info.task_name for info in await scheduler.list_schedules()}
        known = task in others or await is_known(Queries(scheduler.client), task)
        return await scheduler.add_schedule(task, **chosen), known

    key, known = connection.run(store)
    if not known:
        warn_of(task, "no job, no limits and no other schedule name the task {task!r}")
    print_json({"key": key}) if as_json else click.echo(key)


def _change(
    connection: Connection, key: str, confirmation: str, change: Callable[[ScheduleBook], Awaitable[object]]
) -> None:
    done = connection.run(lambda scheduler: change(scheduler.schedules))
    if not done:
        click.echo(f"pgq: no schedule {key!r}; `pgq schedules list` shows all schedules", err=True)
        raise SystemExit(EXIT_NOT_CURRENT)
    click.echo(confirmation.format(key=key, done=done))


@schedules.command()
@click.argument("key")
@connecting
def pause(connection: Connection, key: str) -> None:
    """Pause a schedule until it is resumed; restarts and deploys do not resume it."""
    _change(
        connection,
        key,
        "paused {key}",
        lambda book: book.set_paused(key, True, by=whoever_types()),
    )


@schedules.command()
@click.argument("key")
@connecting
def resume(connection: Connection, key: str) -> None:
    """Resume a schedule; it continues with the first run after now."""
    _change(
        connection,
        key,
        "resumed {key}",
        lambda book: book.set_paused(key, False, by=whoever_types()),
    )


@schedules.command()
@click.argument("key")
@connecting
def trigger(connection: Connection, key: str) -> None:
    """Run a schedule's task now, once; prints the id of the job."""
    _change(connection, key, "{done}", lambda book: book.trigger(key, by=whoever_types()))


@schedules.command()
@click.argument("key")
@connecting
def remove(connection: Connection, key: str) -> None:
    """Remove a schedule. One that belongs to a decorated function returns when its program starts."""
    _change(
        connection,
        key,
        "removed {key}",
        lambda book: book.remove(key, by=whoever_types()),
    )
