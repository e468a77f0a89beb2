"""Options that say which jobs are meant, as `list`, `cancel` and `retry` take them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from pg_scheduler.client.job_choice import selection_from
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_cli.times import read_time


def filtering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a filter; it receives a `Selection` as `wanted`."""

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
    @click.option(
        "--since",
        metavar="TIME",
        help="Only jobs that ended then or later, or are due then or later: 24h (ago), 7d, or ISO 8601.",
    )
    @click.option("--until", metavar="TIME", help="Only jobs that ended, or are due, before then.")
    @click.option("--error", metavar="TEXT", help="Only jobs with this in their error, in any case.")
    @click.option(
        "--arg",
        "arguments",
        metavar="PATH=VALUE",
        multiple=True,
        help="Only jobs with this argument: user.id=7, or args.0=7 for the first positional one.",
    )
    @click.option("--key", help="Only jobs with this dedupe key or limit key.")
    @click.option("--id", "id_prefix", metavar="PREFIX", help="Only jobs whose ids begin so.")
    @click.option("--group", metavar="GROUP", help="Only failed jobs of this group; see `pgq failures list`.")
    @click.option("--audit", "audit_id", type=int, metavar="N", help="Only jobs that an act changed.")
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
        arguments: Sequence[str],
        key: str | None,
        id_prefix: str | None,
        group: str | None,
        audit_id: int | None,
        **rest: Any,
    ) -> Any:
        wanted: Selection = selection_from(
            status=statuses or None,
            task=task,
            queue=queue,
            worker=worker,
            since=None if since is None else read_time("--since", since),
            until=None if until is None else read_time("--until", until),
            error=error,
            arguments=dict(_pair(one) for one in arguments),
            key=key,
            id_prefix=id_prefix,
            error_group=group,
            audit_id=audit_id,
        )
        return command(wanted=wanted, **rest)

    return filtered


def _pair(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals or not path:
        raise InvalidInput("--arg", f"expected PATH=VALUE, got {text!r}", "For example user.id=7")
    return path, value
