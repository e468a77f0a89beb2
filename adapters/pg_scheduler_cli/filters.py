"""Options that say which jobs are meant, as `list`, `cancel` and `retry` take them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from pg_scheduler.client.job_choice import job_filter
from pg_scheduler.domain.job_filter import JobFilter
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_cli.times import read_time


def filtering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a filter; it receives a `JobFilter` as `wanted`."""

    @click.option(
        "--status",
        "statuses",
        multiple=True,
        type=click.Choice([str(status) for status in JobStatus]),
        help="Only jobs with this status; may be repeated. Default: all.",
    )
    @click.option("--task", "--entrypoint", "task", help="Only jobs of this task.")
    @click.option("--queue", help="Only jobs in this queue.")
    @click.option("--worker", help="Only jobs that this worker runs, or ran last.")
    @click.option("--since", metavar="TIME", help="Only jobs due then or later: 24h (ago), 7d, or ISO 8601.")
    @click.option("--until", metavar="TIME", help="Only jobs due before then.")
    @click.option("--error", metavar="TEXT", help="Only jobs with this in their error, in any case.")
    @functools.wraps(command)
    def filtered(
        *,
        statuses: Sequence[str],
        task: str | None,
        queue: str | None,
        worker: str | None,
        since: str | None,
        until: str | None,
        error: str | None,
        **rest: Any,
    ) -> Any:
        wanted: JobFilter = job_filter(
            status=statuses or None,
            task=task,
            queue=queue,
            worker=worker,
            since=None if since is None else read_time("--since", since),
            until=None if until is None else read_time("--until", until),
            error=error,
        )
        return command(wanted=wanted, **rest)

    return filtered
