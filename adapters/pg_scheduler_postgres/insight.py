"""Read-only views, as SQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pg_scheduler.domain.cluster_facts import (
    FAILING_NAMED,
    LATELY,
    SCHEDULES_NAMED,
    STREAMS_LOOKED_AT,
    ClusterFacts,
)
from pg_scheduler.domain.depths import MOST_IN_ALL, MOST_OF_A_STREAM, Depths, FailedJobs, TaskDepth
from pg_scheduler.domain.engine_facts import EngineFacts, engine_name
from pg_scheduler.domain.failures import MOST_OF_GROUP, Failures
from pg_scheduler.domain.job_facts import HOLDERS_SHOWN, MOST_AHEAD, JobFacts
from pg_scheduler.domain.limits import BURST_SECONDS, FULL_LANE_PATIENCE, TOKEN_ROUNDING
from pg_scheduler.domain.model import AttemptRecord, JobInfo, JobRecord, Lease
from pg_scheduler.domain.paging import MOST_MATCHING, MOST_SEARCHED, Count, Cursor, Page
from pg_scheduler.domain.replica import Replica
from pg_scheduler.domain.selection import Selection
from pg_scheduler.domain.server_facts import OPEN_FOR_LONG, TRANSACTIONS_NAMED, ServerFacts
from pg_scheduler.domain.states import UNFINISHED, JobStatus
from pg_scheduler.domain.summary import MOST_DUE, WaitingWork, Workload
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler.ports.insight import MOST_COUNTED, JobPlace, QueueSize, Waiting
from pg_scheduler_postgres.catalog import JOBS, LEDGER, TABLES
from pg_scheduler_postgres.conversions import duration, instant, utc
from pg_scheduler_postgres.engine import refused_by
from pg_scheduler_postgres.health_facts import cluster_facts, open_ones, server_facts
from pg_scheduler_postgres.job_facts import job_facts
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.paging import Pages
from pg_scheduler_postgres.rows import attempt_record, failure_group, job_info, job_record, status_in
from pg_scheduler_postgres.worker_rows import worker_record

JOBS_OF_A_STREAM = 50
"""So many of the first of each stream are looked at for what somebody's transaction holds."""


class PostgresInsight:
    """`Insight` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def job(self, job_id: str, *, connection: Any = None) -> JobRecord | None:
        session = None if connection is None else await self._link.borrowed(connection)
        rows = await self._link.run("job", session, job_id=job_id)
        return job_record(rows[0]) if rows else None

    async def statuses(self, job_ids: Collection[str]) -> dict[str, JobStatus]:
        rows = await self._link.run("statuses", job_ids=list(job_ids))
        return {row["job_id"]: status_in(row) for row in rows}

    async def infos(self, job_ids: Collection[str]) -> dict[str, JobInfo]:
        rows = await self._link.run("infos", job_ids=list(job_ids))
        return {row["job_id"]: job_info(row) for row in rows}

    async def ids_beginning_with(self, prefix: str, limit: int) -> list[str]:
        rows = await self._link.run(
            "ids_beginning_with", prefix=prefix, beyond=f"{prefix}\U0010ffff", limit=limit
        )
        return [row["job_id"] for row in rows]

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
        rows = await self._link.run(
            "jobs",
            statuses=[str(status) for status in statuses],
            task_name=task_name,
            queue=queue,
            worker_id=worker_id,
            since=since,
            until=until,
            error=error,
            newest_first=newest_first,
            before_time=None if before is None else before.execution_time,
            before_id=None if before is None else before.job_id,
            limit=limit,
        )
        return [job_record(row) for row in rows]

    async def page(
        self,
        selection: Selection,
        after: Cursor | None = None,
        limit: int = 50,
        *,
        now: datetime | None = None,
    ) -> Page:
        return await Pages(self._link).page(selection, after, limit, now=now)

    async def count(
        self, selection: Selection, at_most: int = MOST_MATCHING, *, now: datetime | None = None
    ) -> Count:
        return await Pages(self._link).count(selection, at_most, now=now)

    async def failures(
        self,
        *,
        task_name: str | None = None,
        since: datetime | None = None,
        limit: int = 100,
        now: datetime | None = None,
    ) -> Failures:
        rows = await self._link.run(
            "failures",
            now=now,
            task_name=task_name,
            since=since,
            limit=limit + 1,
            most=MOST_OF_GROUP + 1,
            most_searched=MOST_SEARCHED,
        )
        groups = tuple(failure_group(row) for row in rows if row["error_group"] is not None)
        return Failures(groups[:limit], len(groups) > limit, instant(rows[0]["moment"]))

    async def workload(self, *, now: datetime | None = None) -> Workload:
        rows = await self._link.run("workload", now=now, most=MOST_DUE)
        return Workload(
            tuple(
                WaitingWork(
                    row["queue"], row["job_name"], row["number"], row["is_exact"], instant(row["oldest"])
                )
                for row in rows
                if row["is_running"] is False
            ),
            {(row["queue"], row["job_name"]): row["number"] for row in rows if row["is_running"]},
            instant(rows[0]["moment"]),
        )

    async def counts(self) -> dict[JobStatus, int]:
        found = {row["status"]: row["jobs"] for row in await self._link.run("counts")}
        return {status: found.get(str(status), 0) for status in JobStatus}

    async def attempts(self, job_id: str) -> list[AttemptRecord]:
        return [attempt_record(row) for row in await self._link.run("attempts", job_id=job_id)]

    async def unclaimed(self, known_names: Collection[str], *, now: datetime | None = None) -> list[Waiting]:
        rows = await self._link.run("unclaimed", now=now, known_names=list(known_names), most=MOST_COUNTED)
        return [Waiting(row["job_name"], row["jobs"], instant(row["oldest"])) for row in rows]

    async def duplicates(self, dedupe_keys: Collection[str], *, connection: Any = None) -> dict[str, str]:
        session = None if connection is None else await self._link.borrowed(connection)
        rows = await self._link.run("duplicates", session, dedupe_keys=list(dedupe_keys))
        return {row["dedupe_key"]: row["job_id"] for row in rows}

    async def leases_of(self, worker_id: str) -> list[Lease]:
        rows = await self._link.run("leases_of", worker_id=worker_id)
        return [Lease(row["job_id"], row["epoch"]) for row in rows]

    async def sizes(self, statuses: Collection[JobStatus] = UNFINISHED) -> list[QueueSize]:
        return [
            QueueSize(row["queue"], row["job_name"], row["priority"], JobStatus(row["status"]), row["jobs"])
            for row in await self._link.run("sizes", statuses=[str(status) for status in statuses])
        ]

    async def pending_names(self) -> list[str]:
        return [row["job_name"] for row in await self._link.run("pending_names")]

    async def facts_about(self, job_id: str, *, now: datetime | None = None) -> JobFacts | None:
        rows = await self._link.run(
            "facts_about",
            now=now,
            job_id=job_id,
            holders_shown=HOLDERS_SHOWN,
            most_ahead=MOST_AHEAD,
            limit=1,
            burst_seconds=BURST_SECONDS,
            token_rounding=TOKEN_ROUNDING,
            full_patience=FULL_LANE_PATIENCE.total_seconds(),
        )
        return job_facts(rows[0]) if rows else None

    async def workers(self, *, now: datetime | None = None) -> list[WorkerRecord]:
        return [worker_record(row) for row in await self._link.run("workers", now=now)]

    async def cluster_facts(self, *, now: datetime | None = None) -> ClusterFacts:
        rows = await self._link.run(
            "cluster_facts",
            now=now,
            most_streams=STREAMS_LOOKED_AT,
            most_schedules=SCHEDULES_NAMED,
            most_failing=FAILING_NAMED,
            lately_seconds=LATELY.total_seconds(),
            full_patience=FULL_LANE_PATIENCE.total_seconds(),
        )
        return cluster_facts(rows[0], await self.workers(now=now))

    async def depths(self, *, now: datetime | None = None) -> Depths:
        rows = await self._link.run(
            "depths",
            now=now,
            most_streams=STREAMS_LOOKED_AT,
            most_of_each=MOST_OF_A_STREAM,
            most_in_all=MOST_IN_ALL,
        )
        return Depths(
            tuple(
                TaskDepth(
                    row["queue"],
                    row["job_name"],
                    row["due"],
                    row["scheduled"],
                    row["running"],
                    row["is_exact"],
                )
                for row in rows
            ),
            {row["job_name"]: row["lanes_in_use"] for row in rows if row["lanes_in_use"]},
        )

    async def failed_jobs(self) -> FailedJobs:
        rows = await self._link.run("failed_jobs", most=MOST_MATCHING)
        counts = {(row["queue"], row["job_name"]): row["failed"] for row in rows if row["failed"]}
        return FailedJobs(counts, all(row["is_exact"] for row in rows))

    async def server_facts(self) -> ServerFacts | None:
        rows = await self._link.run(
            "server_facts",
            schema_name=self._link.statements.schema,
            tables=[table.name for table in TABLES],
            ledger=LEDGER.name,
            jobs_table=JOBS.name,
            open_seconds=OPEN_FOR_LONG.total_seconds(),
            most_transactions=TRANSACTIONS_NAMED,
        )
        xids = [one["xid"] for one in open_ones(rows[0]) if one["xid"] is not None]
        return server_facts(rows[0], await self._held(xids) if xids else {})

    async def engine(self) -> EngineFacts:
        (row,) = await self._link.run("engine")
        name = engine_name(
            row["version_text"],
            extensions=frozenset(row["extensions"] or ()),
            aurora=row["aurora"],
            alloydb=row["alloydb"],
        )
        if row["in_recovery"]:
            return EngineFacts(name, row["version_text"], tried=False)
        return EngineFacts(name, row["version_text"], await refused_by(self._link))

    async def replica(self) -> Replica | None:
        (row,) = await self._link.run("replica")
        return Replica(utc(row["last_commit"]), duration(row["seconds"])) if row["in_recovery"] else None

    async def _held(self, xids: list[str]) -> dict[str, int]:
        rows = await self._link.run(
            "held_jobs", xids=xids, most_streams=STREAMS_LOOKED_AT, most_of_each=JOBS_OF_A_STREAM
        )
        return {row["xid"]: row["jobs"] for row in rows}
