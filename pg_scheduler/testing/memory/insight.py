"""Read-only views of the memory driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from pg_scheduler.domain.cluster_facts import ClusterFacts
from pg_scheduler.domain.depths import Depths, FailedJobs
from pg_scheduler.domain.failures import MOST_OF_GROUP, FailureGroup, Failures
from pg_scheduler.domain.job_facts import JobFacts
from pg_scheduler.domain.minutes import Work
from pg_scheduler.domain.model import AttemptRecord, JobInfo, JobRecord, Lease
from pg_scheduler.domain.paging import MOST_MATCHING, Count, Cursor, Page
from pg_scheduler.domain.selection import Selection, time_of
from pg_scheduler.domain.states import UNFINISHED, JobStatus
from pg_scheduler.domain.summary import MOST_DUE, WaitingWork, Workload
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.ports.insight import MOST_COUNTED, JobPlace, QueueSize, Waiting
from pg_scheduler.testing.memory.cluster_facts import cluster_facts, depths
from pg_scheduler.testing.memory.job_facts import facts_about
from pg_scheduler.testing.memory.rows import StoredJob
from pg_scheduler.testing.memory.state import MemoryState, moment_of
from pg_scheduler.testing.memory.transactions import MemoryTransactions

HOUR = timedelta(hours=1)
UNSUCCESSFUL = (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.EXPIRED)


class MemoryInsight:
    """`Insight` over the state."""

    def __init__(self, state: MemoryState, transactions: MemoryTransactions | None = None) -> None:
        self._state = state
        self._transactions = transactions or MemoryTransactions(state)

    async def job(self, job_id: str, *, connection: Any = None) -> JobRecord | None:
        self._state.looked_at = True
        row = (await self._seen_from(connection)).jobs.get(job_id)
        return None if row is None else row.record()

    async def statuses(self, job_ids: Collection[str]) -> dict[str, JobStatus]:
        self._state.looked_at = True
        return {one: self._state.jobs[one].status for one in job_ids if one in self._state.jobs}

    async def infos(self, job_ids: Collection[str]) -> dict[str, JobInfo]:
        self._state.looked_at = True
        found = {one: self._state.jobs[one].record() for one in job_ids if one in self._state.jobs}
        return {job_id: _info_of(record) for job_id, record in found.items()}

    async def ids_beginning_with(self, prefix: str, limit: int) -> list[str]:
        return sorted(job_id for job_id in self._state.jobs if job_id.startswith(prefix))[:limit]

    async def jobs(
        self,
        *,
        statuses: Collection[JobStatus] = (),
        task_name: str | None = None,
        queue: str | None = None,
        worker_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        error: str | None = None,
        newest_first: bool = False,
        before: JobPlace | None = None,
        limit: int = 100,
    ) -> list[JobRecord]:
        self._state.looked_at = True
        wanted = Selection(tuple(statuses), task_name, None, error, queue, None, worker_id)
        found = [
            job
            for job in (row.record() for row in self._state.jobs.values())
            if wanted.matches(job)
            and (since is None or job.execution_time >= since)
            and (until is None or job.execution_time < until)
            and (before is None or _place_of(job) < before)
        ]
        return sorted(found, key=_place_of, reverse=newest_first)[:limit]

    async def page(
        self,
        selection: Selection,
        after: Cursor | None = None,
        limit: int = 50,
        *,
        now: datetime | None = None,
    ) -> Page:
        places = {Cursor(time_of(job), job.job_id): job for job in self._matching(selection)}
        left = sorted((one for one in places if after is None or one < after), reverse=True)
        shown = left[:limit]
        following = shown[-1] if len(left) > limit else None
        return Page(tuple(places[one] for one in shown), following, moment_of(now))

    async def count(
        self, selection: Selection, at_most: int = MOST_MATCHING, *, now: datetime | None = None
    ) -> Count:
        number = len(self._matching(selection))
        return Count(min(number, at_most), number <= at_most, moment_of(now))

    async def failures(
        self,
        *,
        task_name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Failures:
        moment = moment_of(now)
        rows: dict[str, list[StoredJob]] = {}
        for row in self._state.jobs.values():
            if (
                row.status is JobStatus.FAILED
                and row.error_group is not None
                and task_name in (None, row.new.task_name)
            ):
                rows.setdefault(row.error_group, []).append(row)
        groups = [_group_of(row, moment) for row in rows.values()]
        found = sorted(
            (one for one in groups if since is None or one.last >= since),
            key=lambda one: (one.last, one.group),
            reverse=True,
        )
        return Failures(tuple(found[:limit]), len(found) > limit, moment)

    async def workload(self, *, now: datetime | None = None) -> Workload:
        moment = moment_of(now)
        due: dict[Work, list[datetime]] = {}
        for row in self._state.in_order(JobStatus.PENDING):
            if row.execution_time <= moment:
                due.setdefault((row.new.queue, row.new.task_name), []).append(row.execution_time)
        running = Counter(
            (row.new.queue, row.new.task_name) for row in self._state.in_order(JobStatus.RUNNING)
        )
        return Workload(
            tuple(
                WaitingWork(*work, min(len(times), MOST_DUE), len(times) < MOST_DUE, min(times))
                for work, times in sorted(due.items())
            ),
            dict(running),
            moment,
        )

    def _matching(self, selection: Selection) -> list[JobRecord]:
        self._state.looked_at = True
        jobs = (row.record() for row in self._state.jobs.values())
        changed = self._state.audit_jobs.get(selection.audit_id or 0, ())
        return [
            job
            for job in jobs
            if selection.matches(job) and (selection.audit_id is None or job.job_id in changed)
        ]

    async def counts(self) -> dict[JobStatus, int]:
        self._state.looked_at = True
        counts = dict.fromkeys(JobStatus, 0)
        for row in self._state.jobs.values():
            counts[row.status] += 1
        return counts

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        found = [record for key, record in self._state.attempts.items() if key[0] == job_id]
        return sorted(found, key=lambda record: record.epoch)

    async def unclaimed(self, known_names: Collection[str], *, now: datetime | None = None) -> list[Waiting]:
        moment = moment_of(now)
        times: dict[str, list[datetime]] = {}
        for row in self._state.in_order(JobStatus.PENDING):
            if row.execution_time <= moment and row.new.task_name not in known_names:
                times.setdefault(row.new.task_name, []).append(row.execution_time)
        return [Waiting(name, min(len(due), MOST_COUNTED), min(due)) for name, due in sorted(times.items())]

    async def duplicates(self, dedupe_keys: Collection[str], *, connection: Any = None) -> dict[str, str]:
        seen = await self._seen_from(connection)
        holders = {key: seen.holder_of(key) for key in dedupe_keys}
        return {key: job_id for key, job_id in holders.items() if job_id is not None}

    async def leases_of(self, worker_id: str) -> list[Lease]:
        running = [row for row in self._state.jobs.values() if row.status is JobStatus.RUNNING]
        return sorted(Lease(row.job_id, row.epoch) for row in running if row.worker_id == worker_id)

    async def sizes(self, statuses: Collection[JobStatus] = UNFINISHED) -> list[QueueSize]:
        self._state.looked_at = True
        counts = Counter(
            (row.new.queue, row.new.task_name, row.new.rank, row.status)
            for row in self._state.jobs.values()
            if row.status in statuses
        )
        return [QueueSize(*what, count) for what, count in sorted(counts.items())]

    async def pending_names(self) -> list[str]:
        return sorted({row.new.task_name for row in self._state.in_order(JobStatus.PENDING)})

    async def workers(self, *, now: datetime | None = None) -> list[WorkerRecord]:
        moment = moment_of(now)
        return [self._shown(self._state.workers[one], moment) for one in sorted(self._state.workers)]

    async def facts_about(self, job_id: str, *, now: datetime | None = None) -> JobFacts | None:
        row = self._state.jobs.get(job_id)
        if row is None:
            return None
        return facts_about(self._state, row, await self.workers(now=now), moment_of(now))

    async def _seen_from(self, connection: Any) -> MemoryState:
        return self._state if connection is None else await self._transactions.of(connection).view()

    async def cluster_facts(self, *, now: datetime | None = None) -> ClusterFacts:
        return cluster_facts(self._state, await self.workers(now=now), moment_of(now))

    async def depths(self, *, now: datetime | None = None) -> Depths:
        return depths(self._state, moment_of(now))

    async def failed_jobs(self) -> FailedJobs:
        ended = [row for row in self._state.jobs.values() if row.status in UNSUCCESSFUL]
        ended.sort(key=lambda row: (row.finished_at or row.execution_time, row.job_id), reverse=True)
        counts = Counter(
            (row.new.queue, row.new.task_name)
            for row in ended[:MOST_MATCHING]
            if row.status is JobStatus.FAILED
        )
        return FailedJobs(dict(counts), len(ended) < MOST_MATCHING)

    async def server_facts(self) -> None:
        """There is no server."""

    async def engine(self) -> None:
        return None

    async def replica(self) -> None:
        return None

    def _shown(self, worker: WorkerRecord, moment: datetime) -> WorkerRecord:
        running = [row for row in self._state.jobs.values() if row.status is JobStatus.RUNNING]
        starts = [row.started_at for row in running if row.worker_id == worker.worker_id and row.started_at]
        return replace(
            worker,
            alive=self._state.alive_until[worker.worker_id] >= moment,
            seen_ago=max(moment - worker.last_seen, timedelta(0)),
            running=len(starts),
            oldest_start=min(starts, default=None),
        )


def _group_of(rows: list[StoredJob], now: datetime) -> FailureGroup:
    """What the failures of one group have in common."""
    times = sorted(row.finished_at for row in rows if row.finished_at is not None)
    last = max(rows, key=lambda row: (row.finished_at or row.execution_time, row.job_id))
    ages = [now - time for time in times]
    return FailureGroup(
        group=last.error_group or "",
        task_name=last.new.task_name,
        error_type=last.error_type or "",
        frame=last.error_frame or "",
        count=min(len(rows), MOST_OF_GROUP),
        exact=len(rows) <= MOST_OF_GROUP,
        first=times[0],
        last=times[-1],
        sample=last.error_message or "",
        sample_job_id=last.job_id,
        last_hour=sum(age < HOUR for age in ages),
        hour_before=sum(HOUR <= age < 2 * HOUR for age in ages),
        last_day=sum(age < 24 * HOUR for age in ages),
    )


def _place_of(job: JobRecord) -> JobPlace:
    return JobPlace(job.execution_time, job.job_id)


def _info_of(record: JobRecord) -> JobInfo:
    return JobInfo(**{one.name: getattr(record, one.name) for one in fields(JobInfo)})
