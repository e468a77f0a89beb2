"""The id of a scheduled job that also knows how to ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.domain.errors import JobFailed, JobNotFound, WaitTimeout
from pg_scheduler.domain.inputs import checked_duration
from pg_scheduler.domain.model import AttemptRecord, JobRecord, Progress
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver


class Home(Protocol):
    """Where a handle's job is stored, and who asks for it: a scheduler, or queries."""

    driver: Driver
    codec: Codec
    ends: CompletionWaiter

    async def open(self) -> None:
        """Connect, if need be."""
        ...

    async def cancel_job(self, job_id: str) -> bool:
        """As `Scheduler.cancel_job`."""
        ...


def result_of(record: JobRecord, attempts: Sequence[AttemptRecord], codec: Codec | None = None) -> Any:
    """What the function of a job that has ended returned, if that was stored; else None.

    Raises:
        JobFailed: it did not complete.
    """
    if record.status is not JobStatus.COMPLETED:
        trace = attempts[-1].traceback if attempts else None
        raise JobFailed(record.job_id, record.status, record.error_message, trace)
    return None if record.result is None else (codec or JsonCodec()).decode_result(record.result)


class JobHandle(str):
    """A job id: a plain str in every way, with five methods more."""

    _home: Home

    def __new__(cls, job_id: str, home: Home) -> JobHandle:
        handle = super().__new__(cls, job_id)
        handle._home = home
        return handle

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Sent elsewhere it is its text: a scheduler cannot travel.
        return str, (str(self),)

    def __str__(self) -> str:
        return str.__str__(self)

    async def cancel(self) -> bool:
        """As `Scheduler.cancel_job`."""
        return await self._home.cancel_job(self)

    async def status(self) -> JobStatus:
        """The status as stored now.

        Raises:
            JobNotFound: the job is gone.
        """
        return (await self._record()).status

    async def progress(self) -> Progress | None:
        """How far the job says that it got; None if it has not said anything.

        Raises:
            JobNotFound: the job is gone.
        """
        return (await self._record()).progress

    async def wait(self, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with. A signal tells, so the wait costs
        nothing and ends with the job.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds; None waits for ever).
            JobNotFound: the job is gone.
        """
        limit = checked_duration("timeout", timeout)
        status = await self._home.ends.wait(
            str(self), self._record, None if limit is None else limit.total_seconds()
        )
        if status is None:
            raise WaitTimeout(f"job {str(self)!r} has not ended within {limit}")
        return status

    async def result(self, timeout: timedelta | float | None = None) -> Any:
        """Wait, and return what the function returned, if the job was scheduled with
        ``store_result=True``; else None.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        await self.wait(timeout)
        record = await self._record()
        completed = record.status is JobStatus.COMPLETED
        attempts = [] if completed else await self._home.driver.insight.attempts(self)
        return result_of(record, attempts, self._home.codec)

    async def _record(self) -> JobRecord:
        await self._home.open()
        record = await self._home.driver.insight.job(self)
        if record is None:
            raise JobNotFound(str(self))
        return record
