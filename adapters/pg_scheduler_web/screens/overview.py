"""Is all well, and what goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pg_scheduler.client.summarizing import summary
from pg_scheduler.domain.problems import Problem, Severity, problems
from pg_scheduler_web.chart import bars_of
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic

SHOWN = 50
"""Problems, and rows of the table, that the overview names."""


async def _verdict(inquiry: Inquiry) -> Mapping[str, Any]:
    cluster = await inquiry.insight.cluster_facts(now=inquiry.pinned)
    primary = await inquiry.desk.primary()  # a replica is none that is ill because it takes no writes
    found = problems(cluster, await primary.insight.server_facts())
    return {
        "found": found[:SHOWN],
        "count": len(found),
        "worst": worst_of(found),
        "workers": sum(worker.alive for worker in cluster.workers),
    }


def worst_of(found: Sequence[Problem]) -> Severity | None:
    """What whoever glances at the page needs to know; notices leave all well."""
    for severity in (Severity.ERROR, Severity.WARNING):
        if any(one.severity is severity for one in found):
            return severity
    return None


async def _numbers(inquiry: Inquiry) -> Mapping[str, Any]:
    found = await summary(inquiry.driver, inquiry.insight, inquiry.pinned, durations=SHOWN)
    rows = found.rows
    waits = [row.oldest_due for row in rows if row.oldest_due is not None]
    busiest = sorted(rows, key=lambda row: (row.due + row.running, row.started), reverse=True)
    return {
        "due": sum(row.due for row in rows),
        "exact": all(row.due_exact for row in rows),
        "running": sum(row.running for row in rows),
        "completed": sum(row.completed for row in rows),
        "failed": sum(row.failed for row in rows),
        "oldest": max(waits, default=None),
        "rows": busiest[:SHOWN],
        "more": len(rows) - SHOWN,
    }


async def _activity(inquiry: Inquiry) -> Mapping[str, Any]:
    found = await inquiry.driver.minutes.minutes(now=inquiry.pinned)
    return {"chart": bars_of(found.rows, found.now)}


OVERVIEW = Screen(
    "overview",
    "/",
    lambda fields: "Overview",
    (
        Region("verdict", _verdict, tuple(Topic)),
        Region("numbers", _numbers, (Topic.JOBS, Topic.QUEUES)),
        Region("activity", _activity, (Topic.JOBS,)),
    ),
)
