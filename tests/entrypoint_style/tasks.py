"""Functions that another process can find."""

from __future__ import annotations

import os
from typing import Any

from pg_scheduler import Job


def describe(job: Job) -> list[Any]:
    """What a job looks like over there."""
    return [
        os.getpid(), job.id, job.entrypoint, (job.payload or b"").decode(), job.priority, str(job.status),
        job.headers, job.attempt, job.execute_after.isoformat(),
    ]  # fmt: skip
