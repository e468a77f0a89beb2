"""The entry point."""

from __future__ import annotations

import click

from pg_scheduler import __version__
from pg_scheduler_cli.commands import MainGroup, Place

COMMANDS = {
    "run": Place("run", "Run the jobs and schedules of an application."),
    "dev": Place(
        "dev",
        "Run an application with all that it needs, for development: a PostgreSQL server of its own,",
    ),
    "jobs": Place("jobs", "List, show, enqueue, cancel and retry jobs."),
    "queues": Place("queues", "List queues; limit, pause, resume and purge them."),
    "tasks": Place("tasks", "List tasks and entrypoints; pause and resume them for all workers."),
    "db": Place("database", "Create, upgrade, inspect or remove the tables.", "db"),
    "schedules": Place("schedules", "List and change schedules, for all workers."),
    "vacuum": Place("vacuum", "Delete finished jobs, and show what was deleted."),
    "workers": Place("workers", "List workers; let one claim no more, go on, or stop."),
    "audit": Place(
        "audit",
        "Show what was done by hand and changed something, the latest first: pauses, limits of",
    ),
    "failures": Place("failures", "List what fails; show, retry and discard failures that are alike."),
    "stats": Place(
        "stats", "Show what is going on, by queue and task: what is due and runs, what was started"
    ),
    "top": Place(
        "top",
        "Show what is going on, live: what is wrong, queues and tasks, the busiest first, and workers.",
    ),
    "doctor": Place(
        "doctor",
        "Look for what is wrong with the server, the tables, workers, jobs and schedules,",
    ),
    "health": Place("health", "Say whether all is well, for a supervisor or a probe of a container."),
    "check": Place("check", "Compare an application with its database before a deploy, and write nothing."),
    "metrics": Place("metrics", "Serve what the database holds at /metrics, for Prometheus, until Ctrl-C."),
    "web": Place("web", "Serve the dashboard until Ctrl-C."),
    "import": Place(
        "importing",
        "Take over what waits elsewhere: the jobs of pgqueuer or procrastinate, schedules of others.",
        "import_",
    ),
}


@click.group(cls=MainGroup, places=COMMANDS)
@click.version_option(__version__, prog_name="pgq")
def main() -> None:
    """Run and inspect jobs and schedules that are stored in PostgreSQL."""
