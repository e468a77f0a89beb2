"""Acts of an operator, as SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pg_scheduler.domain.acts import Action, Batch, ChosenJob
from pg_scheduler.domain.audit import Actor, AuditRecord
from pg_scheduler.domain.workers import ACTS, WishAnswer, WorkerWish
from pg_scheduler_postgres.auditing import Changed, recorded
from pg_scheduler_postgres.changing import Changes
from pg_scheduler_postgres.conversions import instant
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Row, Session


class PostgresSteering:
    """`Steering` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask_worker(
        self, worker_id: str, wish: WorkerWish, *, now: datetime | None = None, by: Actor | None = None
    ) -> WishAnswer:
        async def ask(session: Session | None) -> Sequence[Row]:
            return await self._link.run("ask_worker", session, worker_id=worker_id, wish=str(wish))

        rows = await recorded(
            self._link,
            by,
            ACTS[wish],
            ask,
            lambda rows: Changed(worker_id, sum(row["wish"] != wish for row in rows)),
            now=now,
        )
        if not rows:
            return WishAnswer.UNKNOWN
        return WishAnswer.UNCHANGED if rows[0]["wish"] == wish else WishAnswer.CHANGED

    async def change(
        self,
        jobs: Sequence[ChosenJob],
        action: Action,
        *,
        now: datetime | None = None,
        by: Actor | None = None,
        selection: str | None = None,
        audit_id: int | None = None,
    ) -> Batch:
        return await Changes(self._link).change(
            jobs, action, now=now, by=by, selection=selection, audit_id=audit_id
        )

    async def audit(self, *, since: datetime | None = None, limit: int = 100) -> list[AuditRecord]:
        return [
            AuditRecord(
                row["id"],
                instant(row["at"]),
                Actor(row["actor"], row["via"]),
                row["act"],
                row["subject"],
                row["affected"],
                row["selection"],
            )
            for row in await self._link.run("audit", since=since, limit=limit)
        ]
