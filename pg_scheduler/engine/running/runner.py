"""Runs attempts: from a claimed job to a verdict in the settler's hands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import CoroutineType
from typing import Any

from pg_scheduler.domain.errors import (
    ConfigurationError,
    JobCancelled,
    LeaseLost,
    RetryAfter,
    Snooze,
)
from pg_scheduler.domain.model import ClaimedJob, Lease, Progress
from pg_scheduler.domain.retry import RetryPolicy
from pg_scheduler.domain.verdict import (
    COMPLETED,
    RETURNED,
    Interrupted,
    Outcome,
    Postponed,
    Raised,
    Returned,
    Snoozed,
    Stopped,
    Verdict,
)
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.engine.codec.json_decoding import UndecodablePayload
from pg_scheduler.engine.executors.awaiting import finished
from pg_scheduler.engine.executors.coroutine import AsyncExecutor
from pg_scheduler.engine.executors.thread import ThreadExecutor
from pg_scheduler.engine.lifespans import Lifespans
from pg_scheduler.engine.running.active_attempts import ActiveAttempts
from pg_scheduler.engine.running.arguments import Arguments, arguments_of
from pg_scheduler.engine.running.around import Around
from pg_scheduler.engine.running.attempt import Attempt, StopReason
from pg_scheduler.engine.running.exclusion import AwaitsLock, LockHeldElsewhere, LockPauses, alone
from pg_scheduler.engine.running.interrupts import from_the_keyboard
from pg_scheduler.engine.running.outcomes import (
    outcome_of_error,
    outcome_of_result,
    verdict_on,
    with_retries_of,
)
from pg_scheduler.engine.running.progress_writer import ProgressWriter
from pg_scheduler.engine.settling.completer import Completer
from pg_scheduler.engine.settling.settler import Settler
from pg_scheduler.engine.tasks.registry import Task, TaskRegistry
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.completions import TransactionOutcome
from pg_scheduler.ports.executor import Call, Executor
from pg_scheduler.ports.job_context import JobContext, enter_job
from pg_scheduler.ports.locks import Locks
from pg_scheduler.ports.middleware import Middleware

log: logging.Logger = logging.getLogger(__name__)


class Runner:
    """Runs attempts and turns their outcomes into verdicts."""

    def __init__(
        self,
        *,
        registry: TaskRegistry,
        executors: Mapping[str, Executor],
        codec: Codec,
        clock: Clock,
        active: ActiveAttempts,
        settler: Settler,
        locks: Locks,
        retry: RetryPolicy,
        progress: ProgressWriter,
        completer: Completer,
        lifespans: Lifespans,
        middleware: Sequence[Middleware] = (),
        owner: object = None,
    ) -> None:
        self._registry = registry
        self._executors = executors
        self._codec = codec
        self._clock = clock
        self._active = active
        self._settler = settler
        self._locks = locks
        self._lock_pauses = LockPauses()
        self._retry = retry
        self._progress = progress
        self._completer = completer
        self._lifespans = lifespans
        self._middleware = middleware
        self._around = Around(middleware)
        self._plain = self._around.empty and not self._around.lasting
        """True if nothing is to be done around an attempt, but what its own task says."""
        self._arounds: dict[str, tuple[Sequence[Middleware], Around]] = {}
        """By name of a task that has middleware of its own, and for which that was made."""
        self._owner = owner
        self.on_raised: Callable[[Lease, BaseException], None] | None = None
        """Told what attempts raise. For tests, which want the exception itself; nobody else keeps it."""

    def attempts_at(self, jobs: Sequence[ClaimedJob]) -> list[Attempt]:
        """The attempts at claimed jobs. Their leases are kept from now on."""
        now = self._clock.monotonic()
        attempts = [Attempt(job, now, self._make_context) for job in jobs]
        self._active.claimed(attempts)
        return attempts

    def begin(self, attempt: Attempt) -> None:
        """Start an attempt; it runs as a task of its own."""
        attempt.started, attempt.began = self._clock.monotonic(), True
        self._active.begun(attempt)
        attempt.task = asyncio.get_running_loop().create_task(
            self._run(attempt), name=f"pg_scheduler job {attempt.job.job_id}"
        )
        attempt.task.add_done_callback(partial(self._ended, attempt))

    def decline(self, job: ClaimedJob) -> None:
        """Give a claimed job back without starting it; if its lease is over, nothing happens."""
        log.warning(
            "job %r given back: its lease was over when the claim returned",
            job.job_id,
            extra={"job_id": job.job_id},
        )
        self.give_up(self.attempts_at([job])[0], begun=False)

    def _make_context(self, job: ClaimedJob, lease: Lease) -> JobContext:
        return JobContext(
            job.job_id,
            job.task_name,
            job.attempt,
            job.retry_count,
            job.max_retries,
            job.execution_time,
            job.queue,
            _host=self,
            _lease=lease,
            _owner=self._owner,
            _headers=job.headers,
        )

    def report(self, lease: Lease, progress: Progress) -> None:
        """Pass a report of progress on."""
        self._progress.put(lease, progress)

    def decode_headers(self, headers: str) -> dict[str, Any]:
        """Headers as they were given."""
        decoded: dict[str, Any] = JsonCodec().decode_result(headers)
        return decoded

    async def complete(self, lease: Lease, connection: Any, result: Any) -> None:
        """Complete a job for the function that runs under this lease."""
        attempt = self._active.find(lease)
        if attempt is None:
            raise LeaseLost(lease.job_id, lease.epoch)
        await self._completer.complete(attempt, connection, result)

    def _ended(self, attempt: Attempt, ended: asyncio.Task[None]) -> None:
        """Free the slot, and decide for an attempt that was cancelled before its first step."""
        attempt.task = None
        self._active.ended(attempt)
        if not attempt.decided:
            error = None if ended.cancelled() else ended.exception()
            self.give_up(attempt, error)

    def give_up(self, attempt: Attempt, error: BaseException | None = None, *, begun: bool = True) -> None:
        """Settle without the function's own word: it does not end, or it never began. `begun` is False if
        nothing is to show that the job was claimed."""
        outcome: Outcome = Raised(error) if error is not None else Interrupted(begun)
        if attempt.reason is StopReason.CANCEL:
            outcome = Stopped()
        self._settler.put(attempt, verdict_on(outcome, attempt.job, self._retry))

    async def _run(self, attempt: Attempt) -> None:
        job = attempt.job
        task = self._registry.resolve(job.task_name, job.schedule_key)
        outcome: Outcome
        if task is None or self._active.is_overdue(attempt, self._clock.monotonic()):
            outcome = self._unstarted(job, task)
        else:
            outcome = await self._outcome(attempt, task)
        completion = attempt.completion
        if completion is not None:
            ended = await self._completer.ended(completion, attempt)
            if ended is TransactionOutcome.COMMITTED:
                self._completed_by_itself(attempt, completion.verdict, outcome)
                return
            attempt.completion = None
            if ended is TransactionOutcome.UNKNOWN and isinstance(outcome, Returned):
                outcome = self._effects_lost(job)
        if outcome is RETURNED:
            self._settler.put(attempt, COMPLETED)
        else:
            self._judge(attempt, task, outcome)

    def _effects_lost(self, job: ClaimedJob) -> Outcome:
        """What the function did has gone with its completion: to complete the job now would be a lie."""
        log.warning(
            "job %r runs again: the server that it was completed on has crashed, or another has taken over, "
            "without its transaction",
            job.job_id,
            extra={"job_id": job.job_id},
        )
        return Interrupted()

    def _unstarted(self, job: ClaimedJob, task: Task | None) -> Outcome:
        if task is None and self._registry.is_shared(job.task_name):
            return Raised(_nobody_meant(job))
        # A task that was forgotten between claim and start may be known to others.
        if task is not None:
            log.warning(
                "job %r given back: not started within its lease", job.job_id, extra={"job_id": job.job_id}
            )
        return Interrupted()

    def _judge(self, attempt: Attempt, task: Task | None, outcome: Outcome) -> None:
        policy = (task.retry if task else None) or self._retry
        verdict = verdict_on(outcome, with_retries_of(attempt.job, task), policy)
        # First of all: whatever is asked of an exception from here on may raise one of its own.
        self._settler.put(attempt, verdict)
        if self.on_raised is not None and isinstance(outcome, Raised | Postponed):
            self.on_raised(attempt.lease, outcome.error)
        if isinstance(outcome, Raised):
            log.info(
                "job %r (task %r) failed: %s",
                attempt.job.job_id,
                attempt.job.task_name,
                type(outcome.error).__name__,
                extra={
                    "job_id": attempt.job.job_id,
                    "task": attempt.job.task_name,
                    "event": verdict.event,
                    "error": type(outcome.error).__name__,
                },
                # This one quotes an argument. The row tells the rest; no log does.
                exc_info=None if type(outcome.error) is UndecodablePayload else outcome.error,
            )

    def _completed_by_itself(self, attempt: Attempt, verdict: Verdict, outcome: Outcome) -> None:
        """The function completed its job in a transaction of its own: whatever it did then comes too late."""
        if not isinstance(outcome, Returned):
            log.warning(
                "job %r was completed by its own transaction, but its function did not return normally",
                attempt.job.job_id,
                extra={"job_id": attempt.job.job_id, "task": attempt.job.task_name},
                exc_info=outcome.error if isinstance(outcome, Raised | Postponed) else None,
            )
        self._settler.stored_already(attempt, verdict)

    async def _outcome(self, attempt: Attempt, task: Task) -> Outcome:
        timeout = attempt.job.timeout or task.timeout
        timer = asyncio.create_task(self._time_out(attempt, timeout.total_seconds())) if timeout else None
        try:
            enter_job(attempt)
            args, kwargs = self._arguments(attempt.job, task)
            executor = self._executor(task)
            if (
                type(executor) is AsyncExecutor
                and attempt.job.exclusive_key is None
                and self._plain
                and not task.middleware
            ):
                # As nearly always; what the executor would do, in the frame of this coroutine.
                result = task.func(*args, **kwargs)
                if type(result) is CoroutineType:
                    result = await result
            else:
                around = self._around_attempts_of(task)
                if around.lasting:
                    await self._lifespans.enter(around.lasting)
                result = await self._execute(attempt, executor, Call(task.func, args, kwargs), around)
            if result is not None:
                result = await finished(result)
        except Snooze as snooze:
            return Snoozed(snooze.delay, recorded=not isinstance(snooze, AwaitsLock))
        except RetryAfter as failed:
            return Postponed(failed if failed.__cause__ is None else failed.__cause__, failed.delay)
        except LockHeldElsewhere as held:
            return Stopped(str(held))
        except KeyboardInterrupt as error:
            if from_the_keyboard(error):
                self.give_up(attempt)
                raise
            return outcome_of_error(attempt, task, error)
        except BaseException as error:
            return outcome_of_error(attempt, task, error)
        finally:
            if timer is not None:
                timer.cancel()
        if attempt.reason is not None and attempt.stop_noticed:
            return outcome_of_error(attempt, task, JobCancelled("returned after being told to stop"))
        return outcome_of_result(attempt, result, self._codec)

    def _executor(self, task: Task) -> Executor:
        executor = task.executor
        if not isinstance(executor, str):
            return executor
        found = self._executors.get(executor)
        if found is None:
            raise ConfigurationError(
                f"task {task.name!r} wants executor {executor!r}; this worker has: "
                + ", ".join(sorted(self._executors))
            )
        return found

    def _arguments(self, job: ClaimedJob, task: Task) -> Arguments:
        return arguments_of(job, self._codec) if task.arguments is None else task.arguments(job)

    def _around_attempts_of(self, task: Task) -> Around:
        if not task.middleware:
            return self._around
        made_for, around = self._arounds.get(task.name, (None, self._around))
        if made_for is not task.middleware:
            around = Around((*self._middleware, *task.middleware))
            self._arounds[task.name] = task.middleware, around
        return around

    async def _execute(self, attempt: Attempt, executor: Executor, call: Call, around: Around) -> Any:
        if attempt.job.exclusive_key is None:
            return await self._call(attempt.context, executor, call, around)
        async with alone(self._locks, attempt.job.exclusive_key, attempt, self._lock_pauses):
            return await finished(await self._call(attempt.context, executor, call, around))

    async def _call(self, context: JobContext, executor: Executor, call: Call, around: Around) -> Any:
        if isinstance(executor, ThreadExecutor):
            call = call._replace(func=around.in_thread(call.func, context))
        if around.empty:
            return await executor.execute(call, context)

        async def run() -> Any:
            return await finished(await executor.execute(call, context))

        return await around.call(context, run)

    async def _time_out(self, attempt: Attempt, seconds: float) -> None:
        await self._clock.sleep(seconds)
        attempt.stop(StopReason.TIMEOUT)


def _nobody_meant(job: ClaimedJob) -> ConfigurationError:
    of_schedule = "of no schedule" if job.schedule_key is None else f"of schedule {job.schedule_key!r}"
    return ConfigurationError(
        f"job {job.job_id!r} {of_schedule}: {job.task_name!r} names several functions that are decorated "
        "with @periodic, and none of them is this schedule's. Give each a job_name of its own"
    )
