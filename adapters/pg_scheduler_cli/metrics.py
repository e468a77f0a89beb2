"""`pgq metrics`: what the database holds, for Prometheus."""

from __future__ import annotations

import asyncio
import logging
from importlib import resources
from typing import TYPE_CHECKING

import click

from pg_scheduler.domain.errors import MissingDependency, PgSchedulerError
from pg_scheduler.domain.version import install_command
from pg_scheduler.process.signals import StopSignals
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.health_server import TEXT, Answer, HealthServer
from pg_scheduler_cli.logs import LEVELS, log_to_stderr
from pg_scheduler_cli.options import PATIENCE, Connection, reading_beside
from pg_scheduler_cli.serving import stop_signals

if TYPE_CHECKING:
    from pg_scheduler_prometheus import DatabaseMetrics

log: logging.Logger = logging.getLogger("pg_scheduler.cli.metrics")
FILES = {"alerts": "alerts.yaml", "dashboard": "dashboard.json"}


@click.command()
@click.option("--port", default=9187, show_default=True, type=click.IntRange(0, 65535), help="0: any.")
@click.option("--once", is_flag=True, help="Print the metrics instead, and end.")
@click.option(
    "--print", "file", type=click.Choice(sorted(FILES)),
    help="Print the alert rules for Prometheus, or the dashboard for Grafana, instead.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="info", show_default=True
)
@reading_beside
def metrics(connection: Connection, port: int, once: bool, file: str | None, log_level: str) -> None:
    """Serve what the database holds at /metrics, for Prometheus, until Ctrl-C.

    One such process is enough for a database. What a worker does is served by the worker itself: `pgq run
    --health-port`.
    """
    try:
        import pg_scheduler_prometheus  # noqa: F401
    except ImportError as error:
        raise MissingDependency(
            f"prometheus_client is not installed. Install it with: {install_command('prometheus')}"
        ) from error
    if file is not None:
        found = resources.files("pg_scheduler_prometheus").joinpath("files", FILES[file])
        click.echo(found.read_text(encoding="utf-8"), nl=False)
    elif once:
        click.echo(connection.run(_once), nl=False)
    else:
        log_to_stderr(log_level)
        connection.run(lambda scheduler: _serve(scheduler, port))


async def _metrics(scheduler: Scheduler) -> DatabaseMetrics:
    from pg_scheduler_prometheus import DatabaseMetrics

    reader = (await scheduler.client.open_reader()).within(PATIENCE)
    return DatabaseMetrics(reader, scheduler.clock, primary=scheduler.driver.within(PATIENCE))


async def _once(scheduler: Scheduler) -> str:
    from pg_scheduler_prometheus.exposition import of_one

    found = await _metrics(scheduler)
    await found.refresh()
    return of_one(found).decode()


async def _serve(scheduler: Scheduler, port: int) -> None:
    from pg_scheduler_prometheus.exposition import of_one

    found = await _metrics(scheduler)
    loop, alone = asyncio.get_running_loop(), asyncio.Lock()

    async def text() -> bytes:
        async with alone:
            try:
                await found.refresh()
            except PgSchedulerError as error:
                log.warning("the database cannot be asked: %s", error, extra={"error": str(error)})
                found.forget()
            return of_one(found)

    def page() -> Answer:
        return Answer(200, asyncio.run_coroutine_threadsafe(text(), loop).result(), TEXT)

    with StopSignals(stop_signals()) as signals, HealthServer({"/metrics": page}, port=port) as server:
        log.info("metrics at http://localhost:%d/metrics", server.port)
        await signals.stop_requested.wait()
