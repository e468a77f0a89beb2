"""What workers did, by the minute, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pg_scheduler.domain.minutes import (
    BUCKETS,
    KEPT,
    MOST_DURATIONS,
    LatestWork,
    Minute,
    Minutes,
    Tally,
    Work,
)
from pg_scheduler.testing.memory.state import MemoryState, moment_of

HOUR = timedelta(hours=1)


class MemoryMinutes:
    """`MinuteStore` over the state."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def note(self, worker_id: str, work: Mapping[Work, Tally], *, now: datetime | None = None) -> None:
        moment = moment_of(now)
        minute = moment.replace(second=0, microsecond=0)
        for what, tally in work.items():
            self._state.minutes.setdefault((minute, what), Tally()).add(tally)
        for key in [key for key in self._state.minutes if key[0] < moment - KEPT]:
            del self._state.minutes[key]

    async def minutes(
        self,
        *,
        queue: str | None = None,
        task_name: str | None = None,
        since: datetime | None = None,
        now: datetime | None = None,
    ) -> Minutes:
        moment = moment_of(now)
        sums: dict[datetime, Tally] = {}
        for (minute, work), tally in sorted(self._state.minutes.items(), key=lambda item: item[0]):
            wanted = queue in (None, work[0]) and task_name in (None, work[1])
            if wanted and minute >= (since or moment - HOUR):
                sums.setdefault(minute, Tally()).add(tally)
        rows = (
            Minute(at, one.started, one.completed, one.failed, one.retried, one.cancelled)
            for at, one in sums.items()
        )
        return Minutes(tuple(rows), moment)

    async def latest(self, *, durations: int = MOST_DURATIONS, now: datetime | None = None) -> LatestWork:
        moment = moment_of(now)
        hour: dict[Work, Tally] = {}
        for (minute, work), tally in self._state.minutes.items():
            if minute >= moment - HOUR:
                hour.setdefault(work, Tally()).add(tally)
        for work in sorted(hour, key=lambda work: (-hour[work].started, work))[durations:]:
            hour[work] = replace(hour[work], waits=[0] * BUCKETS, runs=[0] * BUCKETS)
        return LatestWork(hour, moment)
