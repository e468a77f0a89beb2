"""`pgq run`: a worker, or several."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from pg_scheduler_cli.chosen import split_names
from pg_scheduler_cli.errors import Failure
from pg_scheduler_cli.logs import LEVELS, log_to_stderr
from pg_scheduler_cli.paths import found_at

SECONDS = click.FloatRange(min=0)
COUNT = click.IntRange(min=1)


@click.command()
@click.argument("path")
@click.option(
    "--only", "--queues", multiple=True, metavar="NAMES",
    help="Run only the jobs of these entrypoints, schedules or tasks: a,b. May be repeated.",
)  # fmt: skip
@click.option("--concurrency", type=COUNT, help="Jobs that run at once, in each process.")
@click.option("--batch-size", type=COUNT, help="Jobs that one claim takes at most.")
@click.option(
    "--processes", type=COUNT, default=1, show_default=True, help="Worker processes to keep running."
)
@click.option("--drain", is_flag=True, help="End once nothing is left that is due and could be run here.")
@click.option(
    "--shutdown-timeout", type=SECONDS, default=30.0, show_default=True, metavar="SECONDS",
    help="What running jobs get after a signal, before they are released.",
)  # fmt: skip
@click.option(
    "--no-listen", is_flag=True, help="Look for jobs instead of being told: for poolers without LISTEN."
)
@click.option(
    "--dequeue-timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="How long an idle worker waits before it looks by itself; at most 50.",
)  # fmt: skip
@click.option(
    "--log-level", type=click.Choice(LEVELS, case_sensitive=False), default="info", show_default=True,
    help="What is logged to stderr.",
)  # fmt: skip
@click.option("--child", is_flag=True, hidden=True)
def run(path: str, **given: Any) -> None:
    """Run the jobs and schedules of an application.

    PATH is package.module.name or package.module:name; the current folder is importable. The name is that
    of a function without arguments, async or not, that returns a PgQueuer, QueueManager, SchedulerManager or
    Scheduler; of one that yields it and then tidies up (a context manager); or of such an object itself.

    SIGTERM and Ctrl-C let running jobs end, for up to --shutdown-timeout, and claim no more. A second signal
    releases them at once: other workers may claim them. The end of the terminal (SIGHUP) counts as a signal,
    unless it is ignored (nohup).

    \b
    Exit codes:
      0  stopped by a signal, or drained
      1  the application failed: at import, in its function, at the start; or a
         worker process of --processes died and could not be replaced
      2  the command line or the configuration is wrong
    """
    log_to_stderr(given["log_level"])
    if given["processes"] > 1:
        if sys.platform == "win32":
            raise Failure("--processes needs a Unix: start several `pgq run` instead")
        from pg_scheduler_cli.children import keep_running

        sys.exit(keep_running(_command(path, given), given["processes"], given["drain"]))
    _serve(path, given)


def _serve(path: str, given: dict[str, Any]) -> None:
    from pg_scheduler_cli.lifeline import Lifeline
    from pg_scheduler_cli.serving import RunOptions, serve

    lifeline = Lifeline() if given["child"] else None
    only = split_names(given["only"])
    if given["only"] and not only:
        raise Failure("--only: expected names, with commas between them")
    options = RunOptions(
        only=only,
        concurrency=given["concurrency"],
        batch_size=given["batch_size"],
        dequeue_timeout=given["dequeue_timeout"],
        listen=not given["no_listen"],
        drain=given["drain"],
        shutdown_timeout=given["shutdown_timeout"],
    )
    serve(found_at(path), path, options, lifeline)


def _command(path: str, given: dict[str, Any]) -> list[str]:
    """The command line of a child: the same, for one process."""
    return [sys.executable, "-m", "pg_scheduler_cli", "run", "--child", *_options(given), "--", path]


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
