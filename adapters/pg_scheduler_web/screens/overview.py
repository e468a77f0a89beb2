"""Is all well, and what goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pg_scheduler.domain.problems import Problem, Severity, problems
from pg_scheduler.domain.states import JobStatus
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic

SHOWN = 50
"""Problems that the overview names."""


async def _verdict(inquiry: Inquiry) -> Mapping[str, Any]:
    cluster = await inquiry.insight.cluster_facts(now=inquiry.pinned)
    found = problems(cluster, await inquiry.insight.server_facts())
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
    counted = (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED)
    sizes = await inquiry.insight.sizes(counted)
    counts = {status: sum(size.count for size in sizes if size.status is status) for status in counted}
    workers = await inquiry.insight.workers(now=inquiry.pinned)
    return {"counts": counts, "workers": workers}


OVERVIEW = Screen(
    "overview",
    "/",
    lambda fields: "Overview",
    (
        Region("verdict", _verdict, tuple(Topic)),
        Region("numbers", _numbers, (Topic.JOBS, Topic.WORKERS)),
    ),
)
