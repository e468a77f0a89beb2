"""Limits and pauses, as SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from pg_scheduler.domain.audit import Act, Actor
from pg_scheduler.domain.limits import TaskLimits
from pg_scheduler.ports.limit_store import LimitRecord, PausedQueue, QueueLimits
from pg_scheduler_postgres.auditing import Changed, recorded
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Row, Session

SORTED_AT_ONCE = 5_000
"""Stored jobs that are moved into lanes by one statement: a moment's work, so that nobody waits for it."""

LOOKS_AT_HELD_JOBS, BETWEEN_LOOKS = 50, 0.01
"""How often, and after how many seconds, jobs that somebody holds are looked at again. A claim holds them for
milliseconds. Who holds them longer keeps them from being claimed, and the claim that meets them then sorts
them."""


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

    async def limit_task(
        self, task_name: str, limits: TaskLimits, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        given = {"task_name": task_name}
        if not limits.limited:
            return await self._changed(by, Act.LIMIT_TASK, task_name, "limit_task_as_in_code", now, **given)
        numbers = {"concurrency": limits.concurrency, "rate": limits.rate}
        changed = await self._changed(by, Act.LIMIT_TASK, task_name, "limit_task", now, **given, **numbers)
        await self._sort_into_lanes([task_name])
        return changed

    async def pause_task(
        self, task_name: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        act, statement = (Act.PAUSE_TASK, "pause_task") if paused else (Act.RESUME_TASK, "resume_task")
        changed = await self._changed(by, act, task_name, statement, now, task_name=task_name)
        if paused:
            await self._sort_into_lanes([task_name])
        return changed

    async def pause_queue(
        self, queue: str, paused: bool, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        act, statement = (Act.PAUSE_QUEUE, "pause_queue") if paused else (Act.RESUME_QUEUE, "resume_queue")
        return await self._changed(by, act, queue, statement, now, queue=queue)

    async def _changed(
        self, by: Actor | None, act: Act, subject: str, statement: str, now: datetime | None, **values: Any
    ) -> bool:
        """Whether the statement changed something; if so, with the record of who did it."""

        async def change(session: Session | None) -> Sequence[Row]:
            return await self._link.run(statement, session, now=now, **values)

        return bool(
            await recorded(
                self._link, by, act, change, lambda rows: Changed(subject, int(bool(rows))), now=now
            )
        )

    async def paused_queues(self) -> list[PausedQueue]:
        return [
            PausedQueue(row["queue"], instant(row["changed_at"]))
            for row in await self._link.run("paused_queues")
        ]

    async def limit_queue(
        self, queue: str, limits: TaskLimits, *, now: datetime | None = None, by: Actor | None = None
    ) -> bool:
        if not limits.limited:
            return await self._changed(by, Act.LIMIT_QUEUE, queue, "end_queue_limits", now, queue=queue)
        numbers = {"concurrency": limits.concurrency, "rate": limits.rate}
        changed = await self._changed(by, Act.LIMIT_QUEUE, queue, "limit_queue", now, queue=queue, **numbers)
        await self._sort_into_lanes(queues=[queue])
        return changed

    async def queue_limits(self) -> list[QueueLimits]:
        return [
            QueueLimits(row["queue"], TaskLimits(row["concurrency"], row["rate"]), instant(row["limited_at"]))
            for row in await self._link.run("queue_limits")
        ]

    async def _sort_into_lanes(self, task_names: Collection[str] = (), queues: Collection[str] = ()) -> None:
        """Jobs that are stored meanwhile by a transaction that does not see the limits yet are sorted by the
        claim that meets them. Those that a claim holds which does not see them either are waited for: they
        run in a moment, and take places."""
        looks = 0
        while looks < LOOKS_AT_HELD_JOBS:
            (row,) = await self._link.run(
                "sort_into_lanes", task_names=list(task_names), queues=list(queues), limit=SORTED_AT_ONCE
            )
            if row["moved"] < SORTED_AT_ONCE:
                if not row["passed_over"]:
                    return
                looks += 1
                await asyncio.sleep(BETWEEN_LOOKS)

    async def list_limits(self) -> list[LimitRecord]:
        return [
            LimitRecord(
                row["task_name"],
                TaskLimits(row["concurrency"], row["rate"]),
                row["paused"],
                instant(row["changed_at"]),
                row["by_hand"],
                TaskLimits(row["code_concurrency"], row["code_rate"]) if row["by_hand"] else None,
            )
            for row in await self._link.run("limits")
        ]
