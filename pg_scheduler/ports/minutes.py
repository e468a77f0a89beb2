"""What workers did, by the minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pg_scheduler.domain.minutes import LatestWork, Minutes, Tally, Work


class MinuteStore(Protocol):
    """Figures of workers. They are for people: if an answer is lost they may be counted twice, and those of a
    worker's last seconds are missing if it is killed."""

    async def note(self, worker_id: str, work: Mapping[Work, Tally], *, now: datetime | None = None) -> None:
        """Add a worker's figures to the current minute, and delete what is older than is kept."""
        ...

    async def minutes(
        self,
        *,
        queue: str | None = None,
        task_name: str | None = None,
        since: datetime | None = None,
        now: datetime | None = None,
    ) -> Minutes:
        """Minute by minute, of the last hour or since then, the earliest first."""
        ...

    async def latest(self, *, durations: int = 100, now: datetime | None = None) -> LatestWork:
        """The last hour, by queue and task. How long attempts waited and ran is told of at most so many
        queues with their tasks, those in which the most began; of the others it is left out."""
        ...
