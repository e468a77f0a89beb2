"""What `pgq run` logs besides: what it serves, and a line for each attempt that ends."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler.domain.settling import ATTEMPT_OUTCOMES
from pg_scheduler.events import AttemptsSettled, WorkerEvent
from pg_scheduler.scheduler import Scheduler

log: logging.Logger = logging.getLogger("pg_scheduler.cli.jobs")
NAMES_SHOWN = 10
BAD = ("failed", "refused", "cancelled")


class JobLog:
    """An observer that logs each end of an attempt with its outcome and its duration: INFO, and WARNING if it
    failed for good.

    Args:
        where: the database, where one process works on several.
    """

    def __init__(self, where: str = "") -> None:
        self._where = f" in {where}" if where else ""

    def observe(self, event: WorkerEvent) -> None:
        """Log it."""
        if not isinstance(event, AttemptsSettled) or not log.isEnabledFor(logging.INFO):
            return
        for job, verdict, took, accepted, began in event.attempts:
            if not began:
                continue
            outcome = ATTEMPT_OUTCOMES.get(verdict.event, str(verdict.event)) if accepted else "refused"
            error = (verdict.error_message or "").partition("\n")[0]
            log.log(
                logging.WARNING if outcome in BAD else logging.INFO,
                "job %s of %s%s: %s after %.3f s%s",
                job.job_id,
                job.task_name,
                self._where,
                outcome,
                took,
                f": {error}" if error else "",
                extra={
                    "job_id": job.job_id, "task": job.task_name, "queue": job.queue, "attempt": job.attempt,
                    "outcome": outcome, "seconds": round(took, 6),
                },
            )  # fmt: skip


async def log_banner(scheduler: Scheduler) -> None:
    """Say where this worker works, and on what."""
    settings = scheduler.worker.settings
    queues = sorted(name for group in settings.queues for name in group.queues or ())
    schedules = [new.key for new in scheduler.schedules.wanted()]
    log.info(
        "worker %s works on %s, at most %d jobs at once; queues: %s; tasks: %s; schedules: %s",
        scheduler.worker_id,
        await _database_of(scheduler),
        settings.capacity,
        shown(queues) if queues else "all",
        shown(settings.only if settings.only is not None else scheduler.task_map),
        shown(schedules),
    )


async def _database_of(scheduler: Scheduler) -> str:
    schema = getattr(scheduler.driver, "schema_name", "memory")
    try:
        server = await scheduler.driver.insight.server_facts()
    except PgSchedulerError:
        server = None
    if server is None:
        return f"schema {schema!r}"
    return f"database {server.database!r}, schema {schema!r} (PostgreSQL {server.version_text})"


def shown(names: Iterable[str]) -> str:
    """The names, or the first of them and how many there are more."""
    every = sorted(names)
    more = f" and {len(every) - NAMES_SHOWN} more" if len(every) > NAMES_SHOWN else ""
    return (", ".join(every[:NAMES_SHOWN]) + more) or "none"
