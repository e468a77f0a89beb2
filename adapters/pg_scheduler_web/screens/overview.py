"""Is all well, and what goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.domain.states import JobStatus
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic


async def _numbers(inquiry: Inquiry) -> Mapping[str, Any]:
    sizes = await inquiry.insight.sizes([JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED])
    counts = {
        status: sum(size.count for size in sizes if size.status is status)
        for status in (JobStatus.PENDING, JobStatus.RUNNING, JobStatus.FAILED)
    }
    workers = await inquiry.insight.workers()
    return {"counts": counts, "workers": workers}


OVERVIEW = Screen(
    "overview",
    "/",
    lambda fields: "Overview",
    (Region("numbers", _numbers, (Topic.JOBS, Topic.WORKERS)),),
)
