"""Who runs jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pg_scheduler.domain.states import JobStatus
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler_web.desk import Inquiry
from pg_scheduler_web.screen import Region, Screen, Topic

RUNNING_SHOWN = 200
NAMES_SHOWN = 50
"""Queues, and tasks, of one worker that are named."""


async def _workers(inquiry: Inquiry) -> Mapping[str, Any]:
    workers = await inquiry.insight.workers(now=inquiry.pinned)
    running = await inquiry.insight.jobs(statuses=[JobStatus.RUNNING], limit=RUNNING_SHOWN)
    by_worker: dict[str | None, list[Any]] = {}
    for job in running:
        by_worker.setdefault(job.worker_id, []).append(job)
    return {"workers": workers, "running": by_worker, "state": state_shown, "most": NAMES_SHOWN}


def state_shown(worker: WorkerRecord) -> str:
    """In a word: ``silent`` beats whatever it said last."""
    if not worker.alive:
        return "silent"
    return "unknown" if worker.state is None else str(worker.state)


WORKERS = Screen(
    "workers",
    "/workers",
    lambda fields: "Workers",
    (Region("workers", _workers, (Topic.WORKERS, Topic.JOBS)),),
)
