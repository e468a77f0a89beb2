"""`pgq vacuum`: deletes finished jobs."""

from __future__ import annotations

import click

from pg_scheduler.domain.retention import VacuumConfig, VacuumPolicy
from pg_scheduler.engine.retention.pruner import Pruner
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.options import Connection, as_json, connecting, reading
from pg_scheduler_cli.output import print_facts, print_json, print_table


@click.group(cls=PlainGroup)
def vacuum() -> None:
    """Delete finished jobs, and show what was deleted."""


@vacuum.command()
@click.option("--completed-days", default=1, show_default=True)
@click.option("--failed-days", default=7, show_default=True)
@click.option("--cancelled-days", default=3, show_default=True)
@click.option("--expired-days", default=3, show_default=True)
@connecting
@as_json
def run(connection: Connection, as_json: bool, **days: int) -> None:
    """Delete jobs that finished more than this many days ago; prints the number for each status."""
    config = VacuumConfig(
        **{name.removesuffix("_days"): VacuumPolicy.after_days(count) for name, count in days.items()}  # type: ignore[arg-type]
    )

    async def prune(scheduler: Scheduler) -> dict[str, int]:
        pruner = Pruner(
            retention=scheduler.driver.retention,
            locks=scheduler.driver.locks,
            clock=scheduler.clock,
            policies=config.policies(),
            interval=3600.0,
            track=True,
        )
        return {str(status): count for status, count in (await pruner.prune_once()).items()}

    deleted = connection.run(prune)
    print_json(deleted) if as_json else print_facts(deleted)


@vacuum.command()
@click.option("--days", default=7, show_default=True, help="Number of days to show.")
@reading
@as_json
def stats(connection: Connection, days: int, as_json: bool) -> None:
    """Show how many jobs were deleted on each day (UTC)."""
    found = connection.run(lambda scheduler: scheduler.get_vacuum_stats(days))
    if as_json:
        print_json(found)
        return
    columns = ["day", "deleted_completed", "deleted_failed", "deleted_cancelled", "deleted_expired", "runs"]
    print_table(
        [name.removeprefix("deleted_").upper() for name in columns],
        [[day[name] for name in columns] for day in found],
    )
