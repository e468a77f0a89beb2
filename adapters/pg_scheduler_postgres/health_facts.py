"""The facts of a cluster and of its server, from the rows of their statements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pg_scheduler.domain.cluster_facts import (
    ClusterFacts,
    DueJobs,
    FailedLately,
    FullGate,
    LateSchedule,
    RetiredSchedule,
)
from pg_scheduler.domain.server_facts import OpenTransaction, ServerFacts, TableFacts
from pg_scheduler.domain.workers import WorkerRecord
from pg_scheduler_postgres.conversions import duration, instant, utc
from pg_scheduler_postgres.session import Row

_BEYOND = {
    "-infinity": datetime.min.replace(tzinfo=UTC),
    "infinity": datetime.max.replace(tzinfo=UTC),
}


def cluster_facts(row: Row, workers: Sequence[WorkerRecord]) -> ClusterFacts:
    """Of the jobs, the workers and the schedules."""
    return ClusterFacts(
        now=instant(row["now"]),
        workers=tuple(workers),
        due=tuple(DueJobs(one["queue"], one["job_name"], _time(one["oldest"])) for one in _list(row["due"])),
        full=tuple(
            FullGate(one["task_name"], one["lane"], _time(one["oldest"])) for one in _list(row["full_gates"])
        ),
        failing=tuple(
            FailedLately(one["task_name"], one["failed"], one["completed"]) for one in _list(row["failing"])
        ),
        lost=row["lost"],
        lost_since=utc(row["lost_since"]),
        late=tuple(
            LateSchedule(
                one["schedule_key"],
                one["task_name"],
                one["spec"],
                None if one["next_window"] is None else _time(one["next_window"]),
            )
            for one in _list(row["late"])
        ),
        retired=tuple(
            RetiredSchedule(one["schedule_key"], one["task_name"], _time(one["heartbeat"]))
            for one in _list(row["retired"])
        ),
        paused_tasks=_times(row["paused_tasks"]),
        paused_queues=_times(row["paused_queues"]),
    )


def open_ones(row: Row) -> list[dict[str, Any]]:
    """Transactions that stay open, as they were found."""
    return _list(row["transactions"])


def server_facts(row: Row, held: Mapping[str, int]) -> ServerFacts:
    """Of the server. `held` says how many jobs each of its open transactions holds, by its id."""
    return ServerFacts(
        version=row["version"],
        version_text=row["version_text"],
        database=row["database"],
        role=row["role_name"],
        sees_others=row["sees_others"],
        may_not=tuple(row["may_not"] or ()),
        in_recovery=row["in_recovery"],
        fsync=row["fsync"],
        synchronous_commit=row["synchronous_commit"],
        autovacuum=row["autovacuum"],
        connections=row["connections"],
        connections_at_most=row["connections_at_most"],
        transactions=tuple(
            OpenTransaction(
                pid=one["pid"],
                name=one["name"] or "",
                user=one["role_name"] or "",
                state=one["state"] or "",
                open_for=timedelta(seconds=one["seconds"]),
                pins=one["pins"],
                holds=held.get(one["xid"], 0),
            )
            for one in open_ones(row)
        ),
        tables=tuple(
            TableFacts(
                one["name"],
                one["live"] or 0,
                one["dead"] or 0,
                one["bytes"],
                duration(one["vacuumed_seconds_ago"]),
            )
            for one in _list(row["tables"])
        ),
    )


def _list(text: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return found


def _times(text: str | None) -> dict[str, datetime]:
    return {name: _time(time) for name, time in json.loads(text or "{}").items()}


def _time(text: str) -> datetime:
    beyond = _BEYOND.get(text)
    return instant(datetime.fromisoformat(text)) if beyond is None else beyond
