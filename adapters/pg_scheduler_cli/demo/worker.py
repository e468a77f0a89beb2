"""A worker process of the demo: runs jobs and says what happens, one JSON line each."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from datetime import timedelta
from typing import ClassVar

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.demo import tasks


class DemoScheduler(Scheduler):
    """With short leases, so that a killed worker's job is recovered while one watches."""

    LEASE_DURATION: ClassVar[float] = 3
    HEARTBEAT_THRESHOLD: ClassVar[float] = 6


def tell(**facts: object) -> None:
    """One line for whoever started this process."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class Teller:
    """Says what the engine does."""

    def __init__(self, name: str) -> None:
        self._name = name

    def job_started(self, job: ClaimedJob) -> None:
        """An attempt starts."""
        tell(who=self._name, what="starts", task=job.task_name, job=job.job_id, attempt=job.attempt)

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """It ended."""
        tell(
            who=self._name,
            what=str(verdict.event),
            task=job.task_name,
            job=job.job_id,
            attempt=job.attempt,
            error=verdict.error_message,
            seconds=took.total_seconds(),
        )

    def pass_finished(self, service: str) -> None:
        """Not worth a line."""


async def work(dsn: str, name: str) -> None:
    """Run jobs until told to stop."""
    logging.getLogger("pg_scheduler").setLevel(logging.CRITICAL)
    scheduler = DemoScheduler(dsn, observers=[Teller(name)])
    for func in tasks.ALL:
        scheduler.register(func)
    tell(who=name, what="ready")
    await scheduler.run(shutdown_timeout=5)


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:3]))
