"""The id of a scheduled job, with methods to query and cancel the job."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Generic, Protocol, cast

from pg_scheduler.client.result_type import R_co
from pg_scheduler.domain.errors import JobFailed
from pg_scheduler.domain.model import AttemptRecord, JobInfo, JobRecord, Progress
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.ports.codec import Codec


class HandleBackend(Protocol):
    """What a handle asks about its job: the client that stored it."""

    async def cancel_job(self, job_id: str) -> bool:
        """Cancel it; False if it had ended, or does not exist."""
        ...

    async def record(self, job_id: str) -> JobRecord:
        """It as it is stored."""
        ...

    async def wait(self, job_id: str, timeout: timedelta | float | None = None) -> JobStatus:
        """How it ended."""
        ...

    async def result(self, job_id: str, timeout: timedelta | float | None = None) -> Any:
        """What its function returned."""
        ...

    def watch(self, job_id: str, every: timedelta | float) -> AsyncGenerator[JobInfo, None]:
        """It, as it goes on."""
        ...

    def ends(
        self, job_ids: Sequence[str], timeout: timedelta | float | None
    ) -> AsyncGenerator[Mapping[str, JobStatus | None], None]:
        """How jobs ended, as that becomes known; None: it is gone."""
        ...


def result_of(record: JobRecord, attempts: Sequence[AttemptRecord], codec: Codec) -> Any:
    """What the function of a job that has ended returned, if that was stored; else None.

    Raises:
        JobFailed: it did not complete.
    """
    if record.status is not JobStatus.COMPLETED:
        trace = attempts[-1].traceback if attempts else None
        raise JobFailed(record.job_id, record.status, record.error_message, trace)
    return None if record.result is None else codec.decode_result(record.result)


class JobHandle(str, Generic[R_co]):
    """A job id: a plain str in every way, with six methods more. `R_co` is what the function returns."""

    _backend: HandleBackend

    def __new__(cls, job_id: str, backend: HandleBackend) -> JobHandle[R_co]:
        handle = super().__new__(cls, job_id)
        handle._backend = backend
        return handle

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Sent elsewhere it is its text: a client cannot travel.
        return str, (str(self),)

    def __str__(self) -> str:
        return str.__str__(self)

    async def cancel(self) -> bool:
        """As `Scheduler.cancel_job`."""
        return await self._backend.cancel_job(str(self))

    async def status(self) -> JobStatus:
        """The status as stored now.

        Raises:
            JobNotFound: the job is gone.
        """
        return (await self._backend.record(str(self))).status

    async def progress(self) -> Progress | None:
        """How far the job says that it got; None if it has not said anything.

        Raises:
            JobNotFound: the job is gone.
        """
        return (await self._backend.record(str(self))).progress

    async def wait(self, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with. A signal tells when to look, so the wait
        ends with the job; all waits of a client share their looks, of which there is one in five seconds. A
        wait that has begun outlasts an outage of the database.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds; None waits for ever).
            JobNotFound: the job is gone.
            ConnectionLost: the database is out of reach as the wait begins.
        """
        return await self._backend.wait(str(self), timeout)

    def watch(self, every: timedelta | float = 0.5) -> AsyncGenerator[JobInfo, None]:
        """The job as it goes on: ``async for info in job.watch()`` gives its status, progress, error and
        attempts at once, after each change, and as it ended, which is the last. It is looked at `every` so
        often (timedelta or seconds), with all that are watched as often, in one statement; a signal tells of
        the end. Progress is stored once a second, so the last word may be missing as the job ends. A watch
        that has begun outlasts an outage of the database.

        Raises:
            JobNotFound: the job is gone.
            ConnectionLost: the database is out of reach as it begins.
        """
        return self._backend.watch(str(self), every)

    async def result(self, timeout: timedelta | float | None = None) -> R_co:
        """Wait, and return what the function returned, if the job was scheduled with
        ``store_result=True``; else None.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        return cast(R_co, await self._backend.result(str(self), timeout))


def client_of(handle: JobHandle[Any]) -> HandleBackend:
    """Whom a handle asks about its job."""
    return handle._backend
