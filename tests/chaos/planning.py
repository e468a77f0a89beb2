"""Which jobs a scenario schedules."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler import JobSpec, RetryPolicy, Scheduler
from tests.chaos.tasks import work

CHUNK = 0.5
"""Seconds of due times that the producer stores in one call."""
RETRY_DELAY = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job to come."""

    job_id: str
    due: float
    """Seconds after the start of the scenario."""
    milliseconds: int
    """How long its function takes."""
    failing_attempt: int = 0
    """This attempt raises; 0 is none."""
    rank: int = 5
    func: Callable[..., Any] = work
    ends: str = "completed"
    """The status that it is to end in."""
    timeout: float | None = None
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A share of a scenario's jobs."""

    share: float
    milliseconds: tuple[int, int]
    """Shortest and longest."""
    failing_attempt: int = 0
    until: float = 1.0
    """They fall due within this first part of the time: the slowest must not make the run's tail."""
    func: Callable[..., Any] = work
    ends: str = "completed"
    timeout: float | None = None
    """Seconds."""
    exactly: int | None = None
    """So many of them, whatever the number of jobs; None: by their share."""


def plan(kinds: Sequence[Kind], jobs: int, seconds: float, rng: random.Random) -> list[PlannedJob]:
    """Jobs by due time, of the kinds in their shares."""
    chosen = [kind for kind in kinds for _ in range(kind.exactly or 0)]
    shared = [kind for kind in kinds if kind.exactly is None]
    if shared:
        chosen += rng.choices(shared, [kind.share for kind in shared], k=max(jobs - len(chosen), 0))
    rng.shuffle(chosen)
    planned = [
        PlannedJob(
            job_id=f"job-{number:06}",
            due=rng.uniform(0, seconds * kind.until),
            milliseconds=rng.randint(*kind.milliseconds),
            failing_attempt=kind.failing_attempt,
            rank=rng.choice((1, 3, 5, 8)),
            func=kind.func,
            ends=kind.ends,
            timeout=kind.timeout,
        )
        for number, kind in enumerate(chosen, 1)
    ]
    return sorted(planned, key=lambda job: job.due)


async def produce(scheduler: Scheduler, planned: Sequence[PlannedJob]) -> None:
    """Schedule the plan piece by piece, each piece just before its first job is due."""
    began, clock = datetime.now(UTC), asyncio.get_running_loop().time
    origin, position = clock(), 0
    while position < len(planned):
        await asyncio.sleep(planned[position].due - CHUNK - (clock() - origin))
        horizon = clock() - origin + 2 * CHUNK
        end = next((n for n in range(position, len(planned)) if planned[n].due > horizon), len(planned))
        await scheduler.schedule_bulk([_spec(job, began) for job in planned[position:end]])
        position = end


def _spec(job: PlannedJob, began: datetime) -> JobSpec:
    return JobSpec(
        func=job.func,
        execution_time=began + timedelta(seconds=job.due),
        args=(job.milliseconds, job.failing_attempt),
        priority=job.rank,
        max_retries=3 if job.ends == "completed" else 0,
        timeout=job.timeout,
        job_id=job.job_id,
        misfire_grace_time=None,  # however late, by whichever clock
        retry=RetryPolicy(base=RETRY_DELAY, factor=1.0),
    )
