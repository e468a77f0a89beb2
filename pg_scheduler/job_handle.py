"""The id of a scheduled job that also knows how to ask about it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pg_scheduler.domain.errors import JobFailed, JobNotFound, WaitTimeout
from pg_scheduler.domain.inputs import checked_duration
from pg_scheduler.domain.model import JobRecord
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.waiting import wait_until_finished

if TYPE_CHECKING:
    from pg_scheduler.job_methods import JobMethods


class JobHandle(str):
    """A job id: a plain str in every way, with four methods more."""

    _scheduler: JobMethods

    def __new__(cls, job_id: str, scheduler: JobMethods) -> JobHandle:
        handle = super().__new__(cls, job_id)
        handle._scheduler = scheduler
        return handle

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Sent elsewhere it is its text: a scheduler cannot travel.
        return str, (str(self),)

    def __str__(self) -> str:
        return str.__str__(self)

    async def cancel(self) -> bool:
        """As `Scheduler.cancel_job`."""
        return await self._scheduler.cancel_job(self)

    async def status(self) -> JobStatus:
        """The status as stored now.

        Raises:
            JobNotFound: the job is gone.
        """
        return (await self._record()).status

    async def wait(self, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds; None waits for ever).
            JobNotFound: the job is gone.
        """
        limit = checked_duration("timeout", timeout)
        record = await wait_until_finished(
            self._record, self._scheduler.clock, None if limit is None else limit.total_seconds()
        )
        if record is None:
            raise WaitTimeout(f"job {str(self)!r} has not ended within {limit}")
        return record.status

    async def result(self, timeout: timedelta | float | None = None) -> Any:
        """Wait, and return what the function returned, if the job was scheduled with
        ``store_result=True``; else None.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        await self.wait(timeout)
        record = await self._record()
        if record.status is not JobStatus.COMPLETED:
            attempts = await self._scheduler.driver.attempts(self)
            trace = attempts[-1].traceback if attempts else None
            raise JobFailed(str(self), record.status, record.error_message, trace)
        return None if record.result is None else self._scheduler.codec.decode_result(record.result)

    async def _record(self) -> JobRecord:
        await self._scheduler.open()
        record = await self._scheduler.driver.job(self)
        if record is None:
            raise JobNotFound(str(self))
        return record
