"""`pgq run`: runs one worker process or several."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from pg_scheduler_cli.chosen import slots_by_queue, split_names
from pg_scheduler_cli.errors import Failure
from pg_scheduler_cli.logs import FORMATS, LEVELS, log_to_stderr
from pg_scheduler_cli.paths import found_at

SECONDS = click.FloatRange(min=0)
COUNT = click.IntRange(min=1)


@click.command()
@click.argument("path")
@click.option(
    "--queues", multiple=True, metavar="QUEUES",
    help="Only run jobs that wait in these queues, separated by commas; may be repeated. "
    "QUEUE:N runs at most N of its jobs at once in each process. Default: all.",
)  # fmt: skip
@click.option(
    "--only", multiple=True, metavar="NAMES",
    help="Only run jobs of these entrypoints, schedules or tasks, separated by commas; may be repeated.",
)  # fmt: skip
@click.option("--concurrency", type=COUNT, help="Maximum number of jobs that run at once in each process.")
@click.option("--batch-size", type=COUNT, help="Maximum number of jobs per claim.")
@click.option("--processes", type=COUNT, default=1, show_default=True, help="Number of worker processes.")
@click.option(
    "--dsn", multiple=True,
    help="Call the function of PATH with this connection string; repeated, one process serves several "
    "databases.",
)  # fmt: skip
@click.option("--drain", is_flag=True, help="Exit once no due job is left that this worker can run.")
@click.option(
    "--shutdown-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
    help="Grace period for running jobs after a stop signal; then they are released.",
)  # fmt: skip
@click.option(
    "--no-listen", is_flag=True, help="Poll instead of LISTEN: for connection poolers that do not support it."
)
@click.option(
    "--dequeue-timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="Polling interval of an idle worker; at most 50.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="info", show_default=True,
    help="Minimum level of what is logged to stderr.",
)  # fmt: skip
@click.option(
    "--log-format", type=click.Choice(FORMATS), default="text", show_default=True,
    help="json: one object per line, with the job that it is about.",
)  # fmt: skip
@click.option(
    "--health-port", type=click.IntRange(0, 65535), metavar="PORT",
    help="Serve /livez, /readyz and, with the extra prometheus, /metrics there, for all processes. 0: any.",
)  # fmt: skip
@click.option(
    "--reload", is_flag=True, help="For development: start anew when a Python file in this folder changes."
)
@click.option("--child", is_flag=True, hidden=True)
@click.option("--health-socket", hidden=True)
def run(path: str, **given: Any) -> None:
    """Run the jobs and schedules of an application.

    PATH is package.module.name or package.module:name; the current folder is importable. It names a
    function without arguments, async or not, that returns a PgQueuer, QueueManager, SchedulerManager or
    Scheduler; a function that yields one and then cleans up (a context manager); or such an object itself.
    With --dsn the function takes a connection string, and is called once for each.

    On SIGTERM or Ctrl-C the worker claims no more jobs and waits up to --shutdown-timeout for running ones. A
    second signal releases them immediately, so that other workers can claim them. SIGHUP (the terminal was
    closed) counts as a signal too, unless it is ignored (nohup).

    \b
    Exit codes:
      0  stopped by a signal, or drained
      1  the application failed: while it was imported, made or started; or a
         worker process of --processes died and could not be replaced
      2  the command line or the configuration is wrong
    """
    log_to_stderr(given["log_level"], given["log_format"])
    if given["reload"]:
        from pg_scheduler_cli.reloading import run_again_and_again

        given["reload"] = False
        run_again_and_again(_command(path, given, child=False), Path.cwd())
        return
    if given["processes"] > 1:
        if sys.platform == "win32":
            raise Failure("--processes needs a Unix: start several `pgq run` instead")
        from pg_scheduler_cli.children import keep_running

        port = given.pop("health_port")
        command = _command(path, given)
        sys.exit(keep_running(command, given["processes"], given["drain"], given["shutdown_timeout"], port))
    _serve(path, given)


def _serve(path: str, given: dict[str, Any]) -> None:
    from pg_scheduler_cli.lifeline import Lifeline
    from pg_scheduler_cli.serving import RunOptions, serve

    lifeline = Lifeline() if given["child"] else None
    options = RunOptions(
        queues=slots_by_queue(_names("queues", given)),
        only=_names("only", given),
        concurrency=given["concurrency"],
        batch_size=given["batch_size"],
        dequeue_timeout=given["dequeue_timeout"],
        listen=not given["no_listen"],
        drain=given["drain"],
        shutdown_timeout=given["shutdown_timeout"],
        health_port=given["health_port"],
        health_socket=given["health_socket"],
        dsns=given["dsn"],
    )
    serve(found_at(path), path, options, lifeline)


def _names(option: str, given: dict[str, Any]) -> tuple[str, ...]:
    names = split_names(given[option])
    if given[option] and not names:
        raise Failure(f"--{option}: expected names, separated by commas")
    return names


def _command(path: str, given: dict[str, Any], *, child: bool = True) -> list[str]:
    """The command line of a child: the same, for one process; or of another `pgq run`."""
    start = [sys.executable, "-m", "pg_scheduler_cli", "run"]
    if not child:
        return [*start, "--processes", str(given["processes"]), *_options(given), "--", path]
    return [*start, "--child", *_options(given), "--", path]


def _options(given: dict[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if name in ("processes", "child") or value is None or value is False:
            continue
        if value is True:
            yield option
        elif isinstance(value, tuple):
            yield from (part for one in value for part in (option, one))
        else:
            yield from (option, str(value))
