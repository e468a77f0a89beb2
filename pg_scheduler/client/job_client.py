"""The one client of jobs: whatever stores, cancels, reopens, reads or waits for a job goes through here,
whichever style asks for it."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Unpack, overload

from pg_scheduler.client.changing import AT_MOST, ChangeOptions, ChangeRequest, Choice, changed, chosen_by
from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.client.job_choice import FilterOptions, selection_from
from pg_scheduler.client.job_handle import JobHandle, result_of
from pg_scheduler.client.job_watcher import JobWatcher
from pg_scheduler.client.matching_jobs import first_jobs, pages_of
from pg_scheduler.client.opening import Opening
from pg_scheduler.client.outgoing import Outgoing
from pg_scheduler.client.retry_answer import RetryAnswer
from pg_scheduler.client.submit_batcher import SubmitBatcher, can_share
from pg_scheduler.client.submit_retry import submit_with_retry
from pg_scheduler.client.wakeups import NoWorker, Wakeups
from pg_scheduler.domain.acts import Action, ChangeAnswer, Changed, ChosenJob, Reschedule, Retry
from pg_scheduler.domain.conflict import ConflictResolution, Submission
from pg_scheduler.domain.errors import DuplicateJob, InvalidInput, JobNotFound, WaitTimeout
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_duration, checked_positive, checked_seconds, checked_time
from pg_scheduler.domain.limits import checked_limits
from pg_scheduler.domain.model import AttemptRecord, JobInfo, JobRecord, NewJob
from pg_scheduler.domain.paging import MOST_MATCHING, Count, Cursor, Page
from pg_scheduler.domain.queues import checked_queue
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.states import FINISHED, UNFINISHED, JobStatus
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.job_context import runs_here
from pg_scheduler.ports.job_store import CancelAnswer

if TYPE_CHECKING:
    from pg_scheduler.domain.audit import Actor, AuditRecord
    from pg_scheduler.domain.failures import Failures
    from pg_scheduler.domain.minutes import Minutes
    from pg_scheduler.domain.problems import Problem
    from pg_scheduler.domain.replica import Replica
    from pg_scheduler.domain.summary import Summary
    from pg_scheduler.domain.why import Reason
    from pg_scheduler.domain.workers import WishAnswer, WorkerRecord, WorkerWish
    from pg_scheduler.ports.driver import Driver
    from pg_scheduler.ports.insight import QueueSize
    from pg_scheduler.ports.limit_store import LimitRecord, PausedQueue, QueueLimits

CLEARED_AT_ONCE = 1000
"""Pending jobs that one statement of `cancel_pending` cancels."""


STOPPED = (CancelAnswer.CANCELLED, CancelAnswer.REQUESTED)
"""What a job meets that is cancelled, or will be."""


class EndWaiter(Protocol):
    """How a client waits for jobs to end."""

    async def wait(self, job_id: str, limit: float | None) -> JobStatus | None:
        """How the job ended; None if it has not within `limit` seconds. JobNotFound where it is gone."""
        ...

    def ends(
        self, job_ids: Collection[str], limit: float | None
    ) -> AsyncGenerator[Mapping[str, JobStatus | None], None]:
        """How jobs ended, those together that one look has found, until all have or `limit` seconds are over;
        None: it is gone."""
        ...

    async def close(self) -> None:
        """Keep nothing open."""
        ...


class Stored(NamedTuple):
    """What became of one job."""

    job_id: str
    """Its id; for an ignored duplicate the id of the unfinished job that has its dedupe key."""
    answer: Submission


class JobClient:
    """Stores, cancels, reopens, reads and waits for the jobs of one store, and wakes the local worker.

    Every method connects on first use.

    Args:
        opening: how it connects; by default without making tables.
        wakeups: the worker of this process; none by default.
        waiter: how it waits for jobs to end; by default a signal tells.
        batcher: merges single jobs that are stored side by side; None stores each by itself.
        outgoing: what happens to jobs besides; by default nothing.
        reader: the same store on a replica, for the questions of people; by default the driver. Whatever is
            asked on the way to a change, or about a job by its handle, is asked of the driver.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        codec: Codec,
        *,
        opening: Opening | None = None,
        wakeups: Wakeups | None = None,
        waiter: EndWaiter | None = None,
        batcher: SubmitBatcher | None = None,
        outgoing: Outgoing | None = None,
        reader: Driver | None = None,
    ) -> None:
        self.driver = driver
        self.reader: Driver = reader or driver
        self.clock = clock
        self.codec = codec
        self.opening: Opening = opening or Opening(driver)
        self.wakeups: Wakeups = wakeups or NoWorker()
        self.waiter: EndWaiter = waiter or CompletionWaiter(driver.signals, driver.insight, clock)
        self._watcher = JobWatcher(self.waiter, driver.insight, clock)
        self._batcher = batcher
        self._outgoing = outgoing or Outgoing()
        self._opening_of_reader = None if reader is None else Opening(reader)

    # --- life

    def opened_by(self, opening: Opening) -> JobClient:
        """A client that connects in another way and shares everything else with this one."""
        twin = copy.copy(self)
        twin.opening = opening
        return twin

    def within(self, limit: timedelta) -> JobClient:
        """A client for questions that people wait for: a statement that takes longer than `limit` ends, with
        `QuestionTimedOut`. It shares everything else with this one."""
        twin = copy.copy(self)
        twin.driver = self.driver.within(limit)
        twin.reader = self.reader.within(limit) if self.reads_elsewhere else twin.driver
        return twin

    @property
    def reads_elsewhere(self) -> bool:
        """Whether questions go to another server than changes."""
        return self._opening_of_reader is not None

    async def open(self) -> None:
        """Connect, if need be."""
        await self.opening.open()

    async def open_reader(self) -> Driver:
        """Connect to where questions go, if need be."""
        await (self._opening_of_reader or self.opening).open()
        return self.reader

    async def open_for(self, connection: Any) -> None:
        """Connect, if need be, for a call on a connection of the caller's, or on none."""
        if connection is None:
            await self.open()
        else:
            await self.opening.open_for(connection)

    async def close(self) -> None:
        """Close what `open` made. A connection or pool of yours stays open."""
        await self.waiter.close()
        try:
            await self.driver.close()
        finally:
            if self.reads_elsewhere:
                await self.reader.close()

    # --- store

    async def store(
        self,
        jobs: Sequence[NewJob],
        conflict: ConflictResolution,
        *,
        connection: Any = None,
        batch_size: int = 1000,
    ) -> list[Stored]:
        """Store jobs: all of them or, if this raises, none; what became of each, in order.

        With `connection` they become visible, and workers are woken, when its transaction commits.

        Raises:
            JobAlreadyExists, DuplicateJob: RAISE, and an id or a dedupe key is taken.
            ConnectionLost: after some seconds of trying again; the jobs may be stored.
        """
        jobs = self._outgoing.prepared(jobs)
        await self.open_for(connection)
        if self._batcher is not None and connection is None and len(jobs) == 1 and can_share(jobs[0]):
            await self._batcher.submit(jobs[0])
            stored = [Stored(jobs[0].job_id, Submission.INSERTED)]
        else:
            stored = await self._stored_or_held(jobs, conflict, connection, batch_size)
        self.wakeups.jobs_due()
        self._outgoing.stored(jobs, [one.answer for one in stored])
        return stored

    async def _stored_or_held(
        self, jobs: Sequence[NewJob], conflict: ConflictResolution, connection: Any, batch_size: int
    ) -> list[Stored]:
        """What became of each job. One whose dedupe key was taken, but by nobody when one looks, is sent
        again: the one that stood in its way has ended meanwhile."""
        became: dict[int, Stored] = {}
        left: Sequence[int] = range(len(jobs))
        while left:
            sent = jobs if len(left) == len(jobs) else [jobs[position] for position in left]
            answers = await submit_with_retry(
                self.driver, self.clock, sent, conflict, connection=connection, batch_size=batch_size
            )
            if not became and Submission.IGNORED not in answers:
                return [Stored(job.job_id, answer) for job, answer in zip(jobs, answers, strict=True)]
            holders = await self._holders(sent, answers, connection)
            for position, job, answer in zip(left, sent, answers, strict=True):
                if answer is not Submission.IGNORED or job.dedupe_key is None:
                    became[position] = Stored(job.job_id, answer)
                elif job.dedupe_key in holders:
                    became[position] = Stored(holders[job.dedupe_key], answer)
            left = [position for position in left if position not in became]
        return [became[position] for position in range(len(jobs))]

    async def _holders(
        self, jobs: Sequence[NewJob], answers: Sequence[Submission], connection: Any
    ) -> dict[str, str]:
        """Which unfinished jobs have the dedupe keys that were taken. What this very call has stored has its
        key, even if it has ended by now."""
        taken, own = set(), {}
        for job, answer in zip(jobs, answers, strict=True):
            if job.dedupe_key is not None and answer is Submission.IGNORED:
                taken.add(job.dedupe_key)
            elif job.dedupe_key is not None:
                own[job.dedupe_key] = job.job_id
        elsewhere = taken - set(own)
        found = await self.driver.insight.duplicates(elsewhere, connection=connection) if elsewhere else {}
        return {**found, **own}

    # --- change

    @overload
    async def cancel(
        self, chosen: Sequence[str], *, connection: Any = None, by: Actor | None = None
    ) -> list[CancelAnswer]: ...

    @overload
    async def cancel(self, chosen: Selection, *, connection: Any = None, by: Actor | None = None) -> int: ...

    async def cancel(
        self, chosen: Sequence[str] | Selection, *, connection: Any = None, by: Actor | None = None
    ) -> list[CancelAnswer] | int:
        """Cancel pending jobs, and ask the workers of running ones to stop them; what each id met, or how
        many jobs that match. What somebody does by hand (`by`), here and below, is written down with it.

        Raises:
            InvalidInput: a filter that only jobs match that have ended, or one with a connection.
        """
        if not isinstance(chosen, Selection):
            return await self._cancel_ids(chosen, connection, by)
        if connection is not None:
            raise InvalidInput("connection", "goes with ids only", "Give the ids, or leave it out")
        return await self._cancel_matching(_only(chosen, UNFINISHED, "these have ended"), by)

    async def _cancel_matching(self, wanted: Selection, by: Actor | None) -> int:
        await self.open()
        number = 0
        async for page in pages_of(self.driver.insight, wanted):
            answers = await self._cancel_ids([record.job_id for record in page], by=by)
            number += sum(answer in STOPPED for answer in answers)
        return number

    async def _cancel_ids(
        self, job_ids: Sequence[str], connection: Any = None, by: Actor | None = None
    ) -> list[CancelAnswer]:
        wanted = [checked_name("job_id", job_id) for job_id in job_ids]
        await self.open_for(connection)
        answers = await self.driver.jobs.request_cancel(
            wanted, now=self.clock.pinned(), connection=connection, by=by
        )
        if CancelAnswer.REQUESTED in answers:
            self.wakeups.cancel_requested()
        if CancelAnswer.CANCELLED in answers:
            self.wakeups.job_ended()
        return answers

    async def cancel_job(self, job_id: str, *, connection: Any = None) -> bool:
        """Cancel one job. False if it had ended, or does not exist."""
        (answer,) = await self.cancel([job_id], connection=connection)
        return answer in STOPPED

    async def cancel_pending(self, task_names: Collection[str] | None = None) -> int:
        """Cancel every pending job of these names (None: of all); how many."""
        cancelled = 0
        while ids := await self._pending(task_names):
            now_cancelled = (await self.cancel(ids)).count(CancelAnswer.CANCELLED)
            cancelled += now_cancelled
            if not now_cancelled:
                break  # others are claiming them: they are pending no more
        return cancelled

    async def _pending(self, task_names: Collection[str] | None) -> list[str]:
        await self.open()
        found: list[JobRecord] = []
        every: Collection[str | None] = [None] if task_names is None else task_names
        for name in every:
            waiting = Selection((JobStatus.PENDING,), task_name=name)
            found += await first_jobs(self.driver.insight, waiting, CLEARED_AT_ONCE)
        return [record.job_id for record in found]

    async def override_status(self, job_id: str, status: JobStatus, *, by: Actor | None = None) -> JobStatus:
        """Move a job by hand, through the state machine; the status before. PENDING reopens it: due now, its
        counters at zero.

        Raises:
            JobNotFound, InvalidTransition: no such job, no such step.
            DuplicateJob: reopened, it would meet an unfinished job with its dedupe key.
        """
        wanted = checked_name("job_id", job_id)
        await self.open()
        # The attempt has lost its lease, or should stop. One that moves its own job goes on to its end.
        stop = not runs_here(wanted)
        before = await self.driver.jobs.override_status(
            wanted, status, now=self.clock.pinned(), stop_attempt=stop, by=by
        )
        if before is JobStatus.RUNNING and stop:
            self.wakeups.cancel_requested()
        if status is JobStatus.PENDING:
            self.wakeups.jobs_due()
        else:
            self.wakeups.job_ended()
        return before

    @overload
    async def retry(
        self, chosen: Sequence[str], *, by: Actor | None = None, still: Selection | None = None
    ) -> list[RetryAnswer]: ...

    @overload
    async def retry(self, chosen: Selection, *, by: Actor | None = None) -> int: ...

    async def retry(
        self,
        chosen: Sequence[str] | Selection,
        *,
        by: Actor | None = None,
        still: Selection | None = None,
    ) -> list[RetryAnswer] | int:
        """Run jobs that have ended once more, now, with their counters at zero; what each id met, or how many
        jobs that match. A job that has not ended stays as it is: `override_status` moves it all the same.

        Raises:
            InvalidInput: a filter that no job matches that has ended.
        """
        if isinstance(chosen, Selection):
            return await self._retry_matching(_only(chosen, FINISHED, "these have not ended"), by)
        wanted = [checked_name("job_id", job_id) for job_id in chosen]
        return [await self._retry_one(job_id, by, still) for job_id in wanted]

    async def _retry_matching(self, wanted: Selection, by: Actor | None) -> int:
        await self.open()
        retried: set[str] = set()
        async for page in pages_of(self.driver.insight, wanted):
            for found in page:
                if found.job_id in retried:
                    continue
                # Whoever retries the same jobs side by side may have had this one run to another end.
                if await self._retry_one(found.job_id, by, wanted) is RetryAnswer.RETRIED:
                    retried.add(found.job_id)
        return len(retried)

    async def _retry_one(self, job_id: str, by: Actor | None, still: Selection | None) -> RetryAnswer:
        record = await self._as_it_is(job_id)
        if record is None:
            return RetryAnswer.UNKNOWN
        if still is not None and not still.matches(record):
            return RetryAnswer.CHANGED
        return await self._reopen(record, by)

    async def _reopen(self, record: JobRecord, by: Actor | None) -> RetryAnswer:
        if not record.status.finished:
            return RetryAnswer(record.status)
        try:
            await self.override_status(record.job_id, JobStatus.PENDING, by=by)
        except JobNotFound:
            return RetryAnswer.UNKNOWN
        except DuplicateJob:
            return RetryAnswer.DUPLICATE
        return RetryAnswer.RETRIED

    async def page(self, selection: Selection, after: Cursor | None = None, limit: int = 50) -> Page:
        """At most so many of the stored jobs that match, the newest first: by the time when they ended, or
        are due, then id; from a place on (`Page.next` of the page before)."""
        number = checked_positive("limit", limit)
        reader = await self.open_reader()
        return await reader.insight.page(selection, after, number, now=self.clock.pinned())

    async def count(self, selection: Selection, at_most: int = MOST_MATCHING) -> Count:
        """How many stored jobs match, counted so far and no further."""
        number = checked_positive("at_most", at_most)
        reader = await self.open_reader()
        return await reader.insight.count(selection, number, now=self.clock.pinned())

    async def failures(
        self, *, task: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Failures:
        """The failed jobs that are stored, by what failed in them; those that failed last first."""
        earliest = None if since is None else checked_time("since", since)
        number = checked_positive("limit", limit)
        reader = await self.open_reader()
        return await reader.insight.failures(
            task_name=task, since=earliest, limit=number, now=self.clock.pinned()
        )

    async def choose(self, selection: Selection, action: Action, at_most: int = AT_MOST) -> Choice:
        """The jobs that match and to which this can be done, the newest first: what `change` changes once
        somebody has agreed.

        Raises:
            InvalidInput: it cannot be done to any job that would match.
        """
        request = ChangeRequest(action, at_most=checked_positive("at_most", at_most))
        await self.open()
        return await chosen_by(self.driver.insight, selection, request)

    async def change(
        self,
        chosen: Selection | Choice | Sequence[str],
        action: Action,
        **options: Unpack[ChangeOptions],
    ) -> Changed:
        """Do something to stored jobs: those with these ids, or all that match, the newest first.

        Which jobs are meant is settled before the first is changed; one that has become another since stays
        as it is. They are changed in batches, each in one transaction with its record in the audit.

        Args:
            action: `Retry()`, `Cancel()`, `Delete()` or `Reschedule(at)`.
            options: see `ChangeOptions`.

        Raises:
            SelectionChanged: more jobs match than were expected; nothing was changed.
            InvalidInput: it cannot be done to any job that would match.
        """
        request = ChangeRequest(action, **options)
        checked_positive("at_most", request.at_most)
        await self.open()
        if isinstance(chosen, Selection):
            choice = await chosen_by(self.driver.insight, chosen, request)
        elif isinstance(chosen, Choice):
            choice = chosen
        else:
            choice = Choice([ChosenJob(checked_name("job_id", job_id)) for job_id in chosen])
        answer = await changed(self.driver, choice, request, now=self.clock.pinned())
        self._wake(action, answer)
        return answer

    def _wake(self, action: Action, answer: Changed) -> None:
        """Tell the local worker what has changed."""
        if not answer.affected:
            return
        if isinstance(action, Retry | Reschedule):
            self.wakeups.jobs_due()
        else:
            self.wakeups.job_ended()
        if ChangeAnswer.REQUESTED in answer.answers.values():
            self.wakeups.cancel_requested()

    async def pause_task(self, task_name: str, paused: bool, *, by: Actor | None = None) -> bool:
        """Let no worker claim jobs of a task until it is resumed, or resume it. True if that was a change."""
        await self.open()
        changed = await self.driver.limits.pause_task(task_name, paused, now=self.clock.pinned(), by=by)
        if not paused:
            self.wakeups.jobs_due()
        return changed

    async def pause_queue(self, queue: str, paused: bool, *, by: Actor | None = None) -> bool:
        """Let no worker claim jobs that wait in a queue until it is resumed, or resume it. True if that was a
        change."""
        await self.open()
        changed = await self.driver.limits.pause_queue(queue, paused, now=self.clock.pinned(), by=by)
        if not paused:
            self.wakeups.jobs_due()
        return changed

    async def paused_queues(self) -> list[PausedQueue]:
        """Every queue that is paused, by name."""
        reader = await self.open_reader()
        return await reader.limits.paused_queues()

    async def ask_worker(self, worker_id: str, wish: WorkerWish, *, by: Actor | None = None) -> WishAnswer:
        """Ask a worker to claim no more, to go on, or to stop."""
        wanted = checked_name("worker_id", worker_id)
        await self.open()
        answer = await self.driver.steering.ask_worker(wanted, wish, now=self.clock.pinned(), by=by)
        self.wakeups.wish_changed()
        return answer

    async def limit_queue(
        self,
        queue: str,
        concurrency_limit: int | None,
        requests_per_second: float | None,
        *,
        by: Actor | None = None,
    ) -> bool:
        """Limit the jobs of a queue, or end its limits. True if that was a change.

        Raises:
            InvalidInput: not the name of a queue; a limit that is not a positive number.
        """
        limits = checked_limits(concurrency_limit, requests_per_second)
        wanted = checked_queue(queue)
        await self.open()
        changed = await self.driver.limits.limit_queue(wanted, limits, now=self.clock.pinned(), by=by)
        self.wakeups.jobs_due()
        return changed

    async def queue_limits(self) -> list[QueueLimits]:
        """Every queue that has limits, by name."""
        reader = await self.open_reader()
        return await reader.limits.queue_limits()

    # --- read

    async def job(self, job_id: str) -> JobRecord | None:
        """One job as it is stored, or None."""
        wanted = checked_name("job_id", job_id)
        reader = await self.open_reader()
        return await reader.insight.job(wanted)

    async def why(self, job_id: str) -> tuple[Reason, ...]:
        """Why a job does not run, or what became of it; what holds it first comes first."""
        from pg_scheduler.domain.why import explain  # people ask, programs rarely do

        wanted = checked_name("job_id", job_id)
        await self.open()
        return explain(await self.driver.insight.facts_about(wanted, now=self.clock.pinned()))

    async def record(self, job_id: str) -> JobRecord:
        """One job as it is stored.

        Raises:
            JobNotFound: the job is gone.
        """
        record = await self._as_it_is(job_id)
        if record is None:
            raise JobNotFound(job_id)
        return record

    async def _as_it_is(self, job_id: str) -> JobRecord | None:
        """A job as whoever changes it finds it."""
        wanted = checked_name("job_id", job_id)
        await self.open()
        return await self.driver.insight.job(wanted)

    async def jobs(self, *, limit: int = 100, **options: Unpack[FilterOptions]) -> list[JobRecord]:
        """At most so many of the stored jobs that match, newest first: by the time when they ended, or are
        due, then id.

        Raises:
            InvalidInput: a value that cannot be.
        """
        wanted, number = selection_from(**options), checked_positive("limit", limit)
        reader = await self.open_reader()
        return await first_jobs(reader.insight, wanted, number)

    async def statuses(self, job_ids: Sequence[str]) -> dict[str, JobStatus]:
        """The statuses of those jobs that are stored, by id."""
        wanted = [checked_name("job_id", job_id) for job_id in job_ids]
        reader = await self.open_reader()
        return await reader.insight.statuses(wanted)

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        """The attempts of a job that did not simply complete it, oldest first."""
        wanted = checked_name("job_id", job_id)
        reader = await self.open_reader()
        return await reader.insight.attempts(wanted)

    async def counts(self) -> dict[JobStatus, int]:
        """How many jobs are stored in each state."""
        reader = await self.open_reader()
        return await reader.insight.counts()

    async def sizes(self) -> list[QueueSize]:
        """How many unfinished jobs there are, by name, rank and status."""
        reader = await self.open_reader()
        return await reader.insight.sizes()

    async def workers(self) -> list[WorkerRecord]:
        """The workers that have shown a sign of life and not said goodbye, by id."""
        reader = await self.open_reader()
        return await reader.insight.workers(now=self.clock.pinned())

    async def problems(self) -> tuple[Problem, ...]:
        """What is wrong with workers, jobs, schedules and the database server, the worst first."""
        from pg_scheduler.domain.problems import problems  # people ask, programs rarely do

        await self.open()
        insight = self.driver.insight
        cluster = await insight.cluster_facts(now=self.clock.pinned())
        return problems(cluster, await insight.server_facts())

    async def replica(self) -> Replica | None:
        """The replica that questions go to, and how far it has come; None if they go to where changes go."""
        reader = await self.open_reader()
        return await reader.insight.replica()

    async def summary(self) -> Summary:
        """What is going on, by queue and task."""
        from pg_scheduler.client.summarizing import summary  # people ask, programs rarely do

        reader = await self.open_reader()
        return await summary(reader, reader.insight, self.clock.pinned())

    async def minutes(
        self, *, queue: str | None = None, task: str | None = None, since: datetime | None = None
    ) -> Minutes:
        """What workers did, minute by minute, in the last hour or since then."""
        earliest = None if since is None else checked_time("since", since)
        reader = await self.open_reader()
        return await reader.minutes.minutes(
            queue=queue, task_name=task, since=earliest, now=self.clock.pinned()
        )

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        """What was done by hand and changed something, the latest first."""
        earliest = None if since is None else checked_time("since", since)
        number = checked_positive("limit", limit)
        reader = await self.open_reader()
        return await reader.steering.audit(since=earliest, limit=number)

    async def limits(self) -> list[LimitRecord]:
        """The tasks that have limits or are paused."""
        reader = await self.open_reader()
        return await reader.limits.list_limits()

    # --- wait

    def handle(self, job_id: str) -> JobHandle:
        """The handle of a job by its id."""
        return JobHandle(checked_name("job_id", job_id), self)

    async def wait(self, job_id: str, timeout: timedelta | float | None = None) -> JobStatus:
        """Wait until the job has ended; the status it ended with.

        Raises:
            WaitTimeout: it has not ended within `timeout` (timedelta or seconds; None waits for ever).
            JobNotFound: the job is gone.
        """
        wanted, limit = checked_name("job_id", job_id), checked_duration("timeout", timeout)
        await self.open()
        status = await self.waiter.wait(wanted, None if limit is None else limit.total_seconds())
        if status is None:
            raise WaitTimeout(f"job {job_id!r} has not ended within {limit}")
        return status

    async def ends(
        self, job_ids: Sequence[str], timeout: timedelta | float | None
    ) -> AsyncGenerator[Mapping[str, JobStatus | None], None]:
        """How jobs ended, those together that one look has found; None: it is gone.

        Raises:
            WaitTimeout: some have not ended within `timeout`.
        """
        wanted = [checked_name("job_id", job_id) for job_id in job_ids]
        limit = checked_duration("timeout", timeout)
        await self.open()
        left, seconds = set(wanted), None if limit is None else limit.total_seconds()
        async with aclosing(self.waiter.ends(wanted, seconds)) as ends:
            async for ended in ends:
                left -= ended.keys()
                yield ended
        if left:
            raise WaitTimeout(
                f"{len(left)} of {len(set(wanted))} jobs have not ended within {limit}, such as {min(left)!r}"
            )

    async def watch(self, job_id: str, every: timedelta | float = 0.5) -> AsyncGenerator[JobInfo, None]:
        """A job as it goes on: at once, after each change, and as it ended; looked at `every` so often.

        Raises:
            JobNotFound: the job is gone.
        """
        wanted, pause = checked_name("job_id", job_id), checked_seconds("every", every)
        await self.open()
        async with aclosing(self._watcher.watch(wanted, pause.total_seconds())) as infos:
            async for info in infos:
                yield info

    async def result(self, job_id: str, timeout: timedelta | float | None = None) -> Any:
        """Wait, and return what the function returned, if that was stored; else None.

        Raises:
            JobFailed: the job failed, was cancelled or expired; its text holds the remote traceback.
            WaitTimeout, JobNotFound: as `wait`.
        """
        await self.wait(job_id, timeout)
        record = await self.record(job_id)
        completed = record.status is JobStatus.COMPLETED
        attempts = [] if completed else await self.driver.insight.attempts(job_id)
        return result_of(record, attempts, self.codec)


def _only(wanted: Selection, statuses: Collection[JobStatus], otherwise: str) -> Selection:
    """Those of the jobs that are in one of these states."""
    narrowed = wanted.only(statuses)
    if narrowed is None:
        raise InvalidInput(
            "status", otherwise, f"Leave it out, or name some of {', '.join(sorted(statuses))}"
        )
    return narrowed
