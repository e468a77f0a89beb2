"""Limits and pauses, as SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.ports.limit_store import LimitRecord, PausedQueue, QueueLimits
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link

SORTED_AT_ONCE = 5_000
"""Stored jobs that are moved into lanes by one statement: a moment's work, so that nobody waits for it."""


class PostgresLimits:
    """`LimitStore` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def set_limits(self, limits: Mapping[str, TaskLimits], *, now: datetime | None = None) -> None:
        limited = {name: limit for name, limit in limits.items() if limit.limited}
        if limited:
            await self._link.run(
                "set_limits",
                now=now,
                task_names=list(limited),
                concurrencies=[limit.concurrency for limit in limited.values()],
                rates=[limit.rate for limit in limited.values()],
            )
            await self._sort_into_lanes(limited)
        if free := [name for name in limits if name not in limited]:
            await self._link.run("end_limits", now=now, task_names=free)

    async def pause_task(self, task_name: str, paused: bool, *, now: datetime | None = None) -> bool:
        rows = await self._link.run("pause_task" if paused else "resume_task", now=now, task_name=task_name)
        if paused:
            await self._sort_into_lanes([task_name])
        return bool(rows)

    async def pause_queue(self, queue: str, paused: bool, *, now: datetime | None = None) -> bool:
        return bool(await self._link.run("pause_queue" if paused else "resume_queue", now=now, queue=queue))

    async def paused_queues(self) -> list[PausedQueue]:
        return [
            PausedQueue(row["queue"], instant(row["changed_at"]))
            for row in await self._link.run("paused_queues")
        ]

    async def limit_queue(self, queue: str, limits: TaskLimits, *, now: datetime | None = None) -> bool:
        if not limits.limited:
            return bool(await self._link.run("end_queue_limits", now=now, queue=queue))
        changed = await self._link.run(
            "limit_queue", now=now, queue=queue, concurrency=limits.concurrency, rate=limits.rate
        )
        await self._sort_into_lanes(queues=[queue])
        return bool(changed)

    async def queue_limits(self) -> list[QueueLimits]:
        return [
            QueueLimits(row["queue"], TaskLimits(row["concurrency"], row["rate"]), instant(row["limited_at"]))
            for row in await self._link.run("queue_limits")
        ]

    async def _sort_into_lanes(self, task_names: Collection[str] = (), queues: Collection[str] = ()) -> None:
        """Jobs that are stored meanwhile by a transaction that does not see the limits yet are sorted by the
        claim that meets them."""
        moved = SORTED_AT_ONCE
        while moved >= SORTED_AT_ONCE:
            rows = await self._link.run(
                "sort_into_lanes", task_names=list(task_names), queues=list(queues), limit=SORTED_AT_ONCE
            )
            moved = len(rows)

    async def list_limits(self) -> list[LimitRecord]:
        return [
            LimitRecord(
                row["task_name"],
                TaskLimits(row["concurrency"], row["rate"]),
                row["paused"],
                instant(row["changed_at"]),
            )
            for row in await self._link.run("limits")
        ]
