"""What workers did, by the minute, as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pg_scheduler.domain.minutes import (
    BUCKETS,
    COUNTS,
    KEPT,
    MOST_DURATIONS,
    LatestWork,
    Minute,
    Minutes,
    Tally,
    Work,
)
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link


class PostgresMinutes:
    """`MinuteStore` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def note(self, worker_id: str, work: Mapping[Work, Tally], *, now: datetime | None = None) -> None:
        tallies = list(work.values())
        values: dict[str, Any] = {
            "worker_id": worker_id,
            "queues": [queue for queue, _ in work],
            "task_names": [task_name for _, task_name in work],
            **{name: [getattr(tally, name) for tally in tallies] for name in COUNTS},
            "waits": [",".join(map(str, tally.waits)) for tally in tallies],
            "runs": [",".join(map(str, tally.runs)) for tally in tallies],
            "kept_seconds": KEPT.total_seconds(),
        }
        await self._link.run("note_minutes", now=now, **values)

    async def minutes(
        self,
        *,
        queue: str | None = None,
        task_name: str | None = None,
        since: datetime | None = None,
        now: datetime | None = None,
    ) -> Minutes:
        rows = await self._link.run("minutes", now=now, queue=queue, task_name=task_name, since=since)
        found = (
            Minute(instant(row["minute"]), *(row[name] for name in COUNTS))
            for row in rows
            if row["minute"] is not None
        )
        return Minutes(tuple(found), instant(rows[0]["moment"]))

    async def latest(self, *, durations: int = MOST_DURATIONS, now: datetime | None = None) -> LatestWork:
        rows = await self._link.run("latest_work", now=now, durations=durations)
        hour = {
            (row["queue"], row["task_name"]): Tally(
                *(row[name] for name in COUNTS), *(row[name] or [0] * BUCKETS for name in ("waits", "runs"))
            )
            for row in rows
            if row["queue"] is not None
        }
        return LatestWork(hour, instant(rows[0]["moment"]))
