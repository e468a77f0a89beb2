"""Stores jobs, even if the connection breaks during the statement."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Any

from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import (
    ConnectionLost,
    JobAlreadyExists,
    TransientDatabaseError,
)
from pg_scheduler.domain.model import NewJob
from pg_scheduler.engine.service import hopeless, pause_after
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.driver import Driver
from pg_scheduler.ports.insight import Insight

log: logging.Logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds after the first failure in which a submission is tried again; then the caller hears of it."""


async def submit_with_retry(
    driver: Driver,
    clock: Clock,
    jobs: Sequence[NewJob],
    conflict: ConflictResolution,
    *,
    connection: Any = None,
    batch_size: int = 1000,
) -> list[Submission]:
    """Store jobs, again if need be: a call that the server rolled back, or whose answer was lost, is repeated
    under the same ids. Where an id that was made for its job is stored, this call has stored it. Nothing is
    stored twice, but for a job that has run, and been deleted as it ended, before the call is repeated.

    A replacement is repeated only if it was surely rolled back: it would reopen a job that has run meanwhile.
    Within the caller's own transaction nothing is repeated.

    Raises:
        ConnectionLost: after `PATIENCE`, or where it cannot be known whether an id that the caller chose was
            stored by this call or stood there before. The jobs may be stored.
        The rest is as in `JobStore.submit`.
    """
    began, failures, in_doubt = clock.monotonic(), 0, False
    while True:
        try:
            answers = await driver.jobs.submit(
                jobs, conflict, now=clock.pinned(), connection=connection, batch_size=batch_size
            )
            return await _own(driver.insight, jobs, answers) if in_doubt else answers
        except (ConnectionLost, TransientDatabaseError) as error:
            lost = isinstance(error, ConnectionLost)
            given_up = clock.monotonic() - began >= PATIENCE or hopeless(error)
            if connection is not None or given_up or (lost and conflict is ConflictResolution.REPLACE):
                raise
            failures += 1
            in_doubt = in_doubt or lost
            log.info("a submission failed; trying again: %s", error, extra={"error": str(error)})
            await clock.sleep(pause_after(error, failures) * random.uniform(0.5, 1.0))
        except JobAlreadyExists:
            if not in_doubt or not await _all_stored(driver.insight, jobs):
                raise  # all or nothing: so nothing of this call was stored before
            if all(job.fresh_id for job in jobs):
                return [Submission.INSERTED] * len(jobs)
            raise ConnectionLost(_UNKNOWN) from None


_UNKNOWN = (
    "the connection broke before the answer came. The jobs are stored now, by this call or by one before it. "
    "Use ConflictResolution.IGNORE where that makes no difference"
)


async def _all_stored(insight: Insight, jobs: Sequence[NewJob]) -> bool:
    for job in jobs:
        if await insight.job(job.job_id) is None:
            return False
    return True


async def _own(insight: Insight, jobs: Sequence[NewJob], answers: Sequence[Submission]) -> list[Submission]:
    """The answers, where what is found taken under a fresh id was stored by the first try."""
    return [
        Submission.INSERTED
        if answer is Submission.IGNORED and job.fresh_id and await insight.job(job.job_id) is not None
        else answer
        for job, answer in zip(jobs, answers, strict=True)
    ]
