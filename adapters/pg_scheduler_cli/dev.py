"""`pgq dev`: an application with a database of its own, a dashboard, and a worker that starts anew when the
code changes."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pg_scheduler.domain.errors import MissingDependency, PgSchedulerError
from pg_scheduler.domain.version import install_command
from pg_scheduler.queries import Queries
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.dev_worker import DevWorker, works_here
from pg_scheduler_cli.errors import Failure, explained
from pg_scheduler_cli.logs import LEVELS, log_to_stderr
from pg_scheduler_cli.serving import stop_signals

if TYPE_CHECKING:
    from pg_scheduler_web.serving import Served

VARIABLES = ("DATABASE_URL", "PG_SCHEDULER_DSN")
"""Where the application finds the database."""
NEEDED = ("starlette", "jinja2", "uvicorn", "markupsafe", "watchfiles")


@click.command()
@click.argument("path")
@click.option(
    "--port", default=8642, show_default=True, type=click.IntRange(0, 65535),
    help="Port of the dashboard; 0: any that is free.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="info", show_default=True,
    help="Minimum level of what the worker logs to stderr.",
)  # fmt: skip
def dev(path: str, port: int, log_level: str) -> None:
    """Run an application with all that it needs, for development: a PostgreSQL server of its own, whose data
    are gone afterwards; a worker, which starts anew when a Python file in this folder changes; the dashboard.

    PATH is as in `pgq run`. The application has to take its database from $DATABASE_URL or
    $PG_SCHEDULER_DSN, as `Scheduler.from_env()` does. It needs the extra `dev`.
    """
    log_to_stderr("warning")
    command = [sys.executable, "-m", "pg_scheduler_cli", "run", "--child", "--log-level", log_level, path]
    try:
        asyncio.run(_develop(command, Path.cwd(), port))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in NEEDED:
            raise
        raise Failure(f"{error.name} is not installed. Install it with: {install_command('dev')}") from error
    except MissingDependency as error:
        raise Failure(str(error)) from error
    except PgSchedulerError as error:
        raise Failure(explained(error)) from error


async def _develop(command: list[str], folder: Path, port: int) -> None:
    from pg_scheduler_cli.dev_server import own_server
    from pg_scheduler_web.access import Access
    from pg_scheduler_web.doors import OneTimeLink
    from pg_scheduler_web.serving import Served

    stop = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(own_server(stop))
        if server is None:
            return
        os.environ.update(dict.fromkeys(VARIABLES, server.dsn))
        scheduler = Scheduler(server.dsn)
        scheduler.driver.name_connections("pgq dev")
        stack.push_async_callback(scheduler.shutdown)
        await scheduler.initialize_db()
        click.echo(f"{server.version}, for as long as this runs: {server.dsn}")
        click.echo(f"The application finds it in {' and '.join(f'${name}' for name in VARIABLES)}.")
        served = Served(Queries(scheduler.client), OneTimeLink(Access.admin), host="127.0.0.1", port=port)
        worker = DevWorker(command, folder, lambda pid: works_here(scheduler, pid))
        await _until(stop, served, worker)


async def _until(stop: asyncio.Event, served: Served, worker: DevWorker) -> None:
    """Serve and work until `stop`, or until one of them fails."""

    def say_where() -> None:
        click.echo(f"Dashboard: {served.url}\nCtrl-C ends it.")

    tasks = [
        asyncio.ensure_future(stop.wait()),
        asyncio.create_task(served.run(say_where)),
        asyncio.create_task(worker.run()),
    ]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        task.result()
