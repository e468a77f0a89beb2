"""Acts of an operator, as SQL."""

from __future__ import annotations

from pg_scheduler.domain.workers import WishAnswer, WorkerWish
from pg_scheduler_postgres.link import Link


class PostgresSteering:
    """`Steering` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def ask_worker(self, worker_id: str, wish: WorkerWish) -> WishAnswer:
        rows = await self._link.run("ask_worker", worker_id=worker_id, wish=str(wish))
        if not rows:
            return WishAnswer.UNKNOWN
        return WishAnswer.UNCHANGED if rows[0]["wish"] == wish else WishAnswer.CHANGED
