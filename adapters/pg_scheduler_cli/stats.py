"""`pgq stats`: what is going on, by queue and task, once or again and again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from pg_scheduler.domain.summary import LimitInUse, QueueTask, Summary
from pg_scheduler_cli.ages import age_shown
from pg_scheduler_cli.job_words import harmless
from pg_scheduler_cli.options import Connection, as_json, reading
from pg_scheduler_cli.output import print_json, table_lines

HEADINGS = [
    "QUEUE", "TASK", "DUE", "OLDEST", "RUNNING", "STARTED", "FAILED", "WAIT P50", "P95", "RUN P50", "P95",
]  # fmt: skip
SHORTEST_PAUSE = 0.2
"""Seconds between two looks at the least."""


@click.command()
@click.option(
    "--watch", type=float, metavar="SECONDS", help="Show it again and again, so many seconds apart."
)
@reading
@as_json
def stats(connection: Connection, watch: float | None, as_json: bool) -> None:
    """Show what is going on, by queue and task: what is due and runs, what was started and failed in the last
    hour, how long half and 95 % of the jobs waited and ran, and the limits.

    Workers write the figures of the last hour every ten seconds.
    """
    while True:
        if watch is not None and not as_json:
            click.clear()
        found = connection.ask(lambda queries: queries.summary())
        if as_json:
            print_json(facts_of_summary(found))
        else:
            for line in lines_of_summary(found):
                click.echo(line)
        if watch is None:
            return
        time.sleep(max(watch, SHORTEST_PAUSE))


def facts_of_summary(summary: Summary) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        "now": summary.now,
        "work": [asdict(row) for row in summary.rows],
        "limits": [asdict(limit) for limit in summary.limits],
    }


def lines_of_summary(summary: Summary) -> list[str]:
    """All of it, for people."""
    lines = [f"{summary.now:%Y-%m-%d %H:%M:%SZ}"]
    if summary.rows:
        lines += table_lines(
            HEADINGS, [[str(harmless(cell)) for cell in cells_of(row)] for row in summary.rows]
        )
    else:
        lines.append("Nothing is due or runs, and nothing has run in the last hour.")
    if summary.limits:
        rows = [[str(harmless(cell)) for cell in _limit_cells(limit)] for limit in summary.limits]
        lines += ["", *table_lines(["LIMIT OF", "NAME", "RUNNING", "AT ONCE", "PER SECOND", "STATE"], rows)]
    return lines


def cells_of(row: QueueTask) -> Sequence[str]:
    """One line."""
    return [
        row.queue or "(others)",
        row.task_name or "(others)",
        f"{row.due:,}{'' if row.due_exact else '+'}{' paused' if row.paused else ''}",
        age_shown(row.oldest_due),
        str(row.running),
        f"{row.started:,}",
        f"{row.failed:,}",
        *(duration_shown(one) for one in (row.wait_p50, row.wait_p95, row.run_p50, row.run_p95)),
    ]


def _limit_cells(limit: LimitInUse) -> Sequence[str]:
    return [
        limit.scope,
        limit.name,
        str(limit.running),
        "-" if limit.concurrency is None else str(limit.concurrency),
        "-" if limit.rate is None else f"{limit.rate:g}",
        "paused" if limit.paused else "active",
    ]


def duration_shown(duration: timedelta | None) -> str:
    """A duration: ``12 ms``, ``3.4 s``, ``4 min``."""
    if duration is None:
        return "-"
    milliseconds = duration.total_seconds() * 1000.0
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else age_shown(duration)
