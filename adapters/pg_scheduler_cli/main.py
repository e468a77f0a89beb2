"""The entry point."""

from __future__ import annotations

import click

from pg_scheduler import __version__
from pg_scheduler_cli.audit import audit
from pg_scheduler_cli.check import check
from pg_scheduler_cli.database import db
from pg_scheduler_cli.dev import dev
from pg_scheduler_cli.doctor import doctor
from pg_scheduler_cli.failures import failures
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.health import health
from pg_scheduler_cli.importing import import_
from pg_scheduler_cli.jobs import jobs
from pg_scheduler_cli.metrics import metrics
from pg_scheduler_cli.queues import queues
from pg_scheduler_cli.run import run
from pg_scheduler_cli.schedules import schedules
from pg_scheduler_cli.stats import stats
from pg_scheduler_cli.tasks import tasks
from pg_scheduler_cli.top import top
from pg_scheduler_cli.vacuum import vacuum
from pg_scheduler_cli.web import web
from pg_scheduler_cli.workers import workers


@click.group(cls=PlainGroup)
@click.version_option(__version__, prog_name="pgq")
def main() -> None:
    """Run and inspect jobs and schedules that are stored in PostgreSQL."""


main.add_command(run)
main.add_command(dev)
main.add_command(jobs)
main.add_command(queues)
main.add_command(tasks)
main.add_command(db)
main.add_command(schedules)
main.add_command(vacuum)
main.add_command(workers)
main.add_command(audit)
main.add_command(failures)
main.add_command(stats)
main.add_command(top)
main.add_command(doctor)
main.add_command(health)
main.add_command(check)
main.add_command(metrics)
main.add_command(web)
main.add_command(import_)
