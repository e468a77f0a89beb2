"""The scheduler's methods for jobs: schedule, cancel, change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.client.job_factory import UNSET, JobRequest, Unset
from pg_scheduler.client.job_handle import JobHandle
from pg_scheduler.client.submit_batcher import can_share
from pg_scheduler.client.submit_retry import submit_with_retry
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import InvalidInput
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import (
    checked_conflict,
    checked_items,
    checked_positive,
    checked_status,
    checked_task_data,
)
from pg_scheduler.domain.model import NewJob
from pg_scheduler.domain.priority import JobPriority
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.states import JobStatus
from pg_scheduler.engine.events import Event
from pg_scheduler.ports.executor import Executor
from pg_scheduler.ports.job_store import CancelAnswer
from pg_scheduler.scheduler_parts import SchedulerParts


class JobMethods(SchedulerParts):
    """What `Scheduler` offers for jobs."""

    async def schedule(
        self,
        func: Callable[..., Any] | str,
        *,
        execution_time: datetime,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        priority: JobPriority | int = JobPriority.NORMAL,
        max_retries: int = 0,
        job_id: str | None = None,
        conflict_resolution: ConflictResolution = ConflictResolution.RAISE,
        misfire_grace_time: int | Unset | None = UNSET,
        executor: str | Executor | None = None,
        timeout: timedelta | float | None = None,
        retry: RetryPolicy | None = None,
        deduplicate: bool | timedelta = False,
        store_result: bool = False,
        limit_key: str | None = None,
        connection: Any = None,
    ) -> JobHandle:
        """Store a job that runs `func` at `execution_time`, here or in any worker that knows the function.

        Args:
            func: an async function; a plain one with ``executor="thread"`` or ``"process"``; or the name of
                a task that a worker knows.
            execution_time: aware; in the past means now, unless further back than the misfire grace.
            args, kwargs: what the function is called with; JSON and the types of `JsonCodec`.
            priority: a JobPriority, or an integer rank: smaller runs first.
            max_retries: attempts after the first that fails.
            job_id: an id of your own; by default a time-ordered UUID.
            conflict_resolution: what to do if the id is taken.
            misfire_grace_time: seconds, None for never; left out, the scheduler's.
            executor: how to run it: "async", "thread", "process", or an executor.
            timeout: longest time of one attempt (timedelta or seconds).
            retry: delays of this job's retries.
            deduplicate: True makes the id a digest of task and arguments, so that equal jobs are one; a
                timedelta does so within each window of that length that holds `execution_time`. A
                duplicate returns the stored job's id, unless conflict_resolution is REPLACE.
            store_result: keep what the function returns, for `handle.result()`.
            limit_key: whose share of the task's limits it takes (a tenant, a customer): limits hold for
                each key by itself, and for the jobs without a key together.
            connection: an asyncpg or psycopg connection: the job becomes visible, and a worker is woken,
                when its transaction commits; a rollback leaves nothing.

        Returns:
            The id: a str that also has ``cancel()``, ``status()``, ``wait()`` and ``result()``.

        Raises:
            JobAlreadyExists: a ValueError; the id is taken and the resolution is RAISE.
            NotAsyncFunction: a TypeError; a plain function without an executor for it.
            InvalidInput: anything else that cannot be; nothing was sent to the database.
        """
        request = JobRequest(
            func=func,
            execution_time=execution_time,
            args=args,
            kwargs=kwargs,
            priority=priority,
            max_retries=max_retries,
            job_id=job_id,
            misfire_grace_time=misfire_grace_time,
            executor=executor,
            timeout=timeout,
            retry=retry,
            deduplicate=deduplicate,
            store_result=store_result,
            limit_key=limit_key,
        )
        conflict = checked_conflict(conflict_resolution)
        if deduplicate and conflict is ConflictResolution.RAISE:
            conflict = ConflictResolution.IGNORE
        job = self._factory.build(request)
        await self.open()
        if connection is None and can_share(job):
            await self._bundler.submit(job)
        else:
            await submit_with_retry(self.driver, self.clock, [job], conflict, connection=connection)
        self._wake_without_listen()
        return JobHandle(job.job_id, self)

    async def schedule_bulk(
        self,
        jobs: Iterable[JobRequest],
        *,
        conflict_resolution: ConflictResolution = ConflictResolution.IGNORE,
        batch_size: int = 1000,
        connection: Any = None,
    ) -> list[JobHandle | None]:
        """Store many jobs in one transaction: all of them or, if this raises, none.

        Args:
            jobs: each a `JobSpec`; a generator will do.
            conflict_resolution: one for all of them.
            batch_size: rows per statement, where they do not go by COPY (from a hundred jobs on, if no id
                can be taken or if a taken one is an error).
            connection: as in `schedule`.

        Returns:
            Ids in the order of `jobs`; None where the id was taken already (IGNORE).

        Raises:
            As `schedule`.
        """
        conflict = checked_conflict(conflict_resolution)
        rows = checked_positive("batch_size", batch_size)
        specs = checked_items("jobs", jobs, JobRequest, "JobSpec")
        built = [self._build(position, spec) for position, spec in enumerate(specs)]
        await self.open()
        answers = await submit_with_retry(
            self.driver, self.clock, built, conflict, connection=connection, batch_size=rows
        )
        self._wake_without_listen()
        return [
            None if answer is Submission.IGNORED else JobHandle(job.job_id, self)
            for job, answer in zip(built, answers, strict=True)
        ]

    def _build(self, position: int, spec: JobRequest) -> NewJob:
        try:
            return self._factory.build(spec)
        except InvalidInput as error:
            error.add_note(f"It is jobs[{position}] of the bulk call; nothing was stored.")
            raise

    async def schedule_job(
        self,
        job_name: str,
        execution_time: datetime,
        task_data: Mapping[str, Any] | None,
        priority: JobPriority | int = JobPriority.NORMAL,
        max_retries: int = 0,
        job_id: str | None = None,
        conflict_resolution: ConflictResolution = ConflictResolution.RAISE,
        misfire_grace_time: int | None = None,
    ) -> JobHandle:
        """Store a job by the name of its task, without having the function at hand.

        Args:
            job_name: ``module:function``, a task's own name, or a bare function name that is unambiguous
                where it runs.
            task_data: ``{"args": [...], "kwargs": {...}}``.
            misfire_grace_time: seconds; None means the scheduler's default.

        The rest, and what is raised, is as in `schedule`.
        """
        args, kwargs = checked_task_data(task_data)
        return await self.schedule(
            checked_name("job_name", job_name),
            execution_time=execution_time,
            args=args,
            kwargs=kwargs,
            priority=priority,
            max_retries=max_retries,
            job_id=job_id,
            conflict_resolution=conflict_resolution,
            misfire_grace_time=UNSET if misfire_grace_time is None else misfire_grace_time,
        )

    def _wake_without_listen(self) -> None:
        if not self._worker.listening:
            self._worker.services.claimer.wake()

    async def cancel_job(self, job_id: str, *, connection: Any = None) -> bool:
        """Cancel a job. True if it was pending and is cancelled now, or if it runs and its worker has been
        told: a coroutine is cancelled, a worker process killed, a thread told through `current_job()`;
        the row says ``cancelled`` once it really stopped. False if it had ended, or does not exist."""
        wanted = checked_name("job_id", job_id)
        await self.open()
        (answer,) = await self.driver.jobs.request_cancel(
            [wanted], now=self.clock.pinned(), connection=connection
        )
        if answer is CancelAnswer.REQUESTED:
            self._worker.services.events.emit(Event.CANCEL_SIGNAL)
        self._worker.services.pruner.wake()
        return answer in (CancelAnswer.CANCELLED, CancelAnswer.REQUESTED)

    async def update_job_status(self, job_id: str, status: JobStatus | str) -> None:
        """Move a job by hand, through the state machine: pending reopens a finished or running job, completed
        and failed end a live one, cancelled is `cancel_job`. A running attempt loses its lease.

        Raises:
            JobNotFound, InvalidTransition: no such job, no such step.
        """
        wanted, target = checked_name("job_id", job_id), checked_status(status)
        await self.open()
        await self.driver.jobs.override_status(wanted, target, now=self.clock.pinned())
        self._worker.services.pruner.wake()
        self._wake_without_listen()
