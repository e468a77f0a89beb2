"""Keeps the stored schedules equal to those in the code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from pg_scheduler.engine.waiting import wait_at_most
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.schedule_store import NewSchedule, ScheduleRecord, ScheduleStore

log: logging.Logger = logging.getLogger(__name__)

INTERVAL = 45.0
"""Seconds between confirmations; well below the silence after which a definition counts as abandoned."""


class Registrar:
    """Registers this program's schedules at start, and confirms them regularly, so that after a roll-back
    its schedules return once the newer version is gone. `on_changed` is called with the keys of those
    that are stored otherwise than the last time."""

    def __init__(
        self,
        *,
        schedules: ScheduleStore,
        clock: Clock,
        wanted: Callable[[], Sequence[NewSchedule]],
        on_changed: Callable[[Sequence[str]], None] = lambda keys: None,
    ) -> None:
        self._schedules = schedules
        self._clock = clock
        self._wanted = wanted
        self.keys: frozenset[str] = frozenset()
        """Of the schedules that this program's code had when it last registered."""
        self._on_changed = on_changed
        self._stored: dict[str, tuple[object, ...]] = {}
        self._reported: set[str] = set()
        self._news = asyncio.Event()

    async def one_round(self) -> None:
        """Wait a while, or until there is something new; then confirm."""
        await wait_at_most(self._news, INTERVAL, self._clock)
        self._news.clear()
        await self.register()

    def poke(self) -> None:
        """The code has something new: confirm soon."""
        self._news.set()

    async def register(self) -> list[ScheduleRecord]:
        """Register now; the stored records."""
        wanted = self._wanted()
        self.keys = frozenset(new.key for new in wanted)
        if not wanted:
            return []
        records = await self._schedules.register_schedules(wanted, now=self._clock.pinned())
        for record, new in zip(records, wanted, strict=True):
            outdated = record.retired or record.new.spec_hash != new.spec_hash
            if outdated and new.key not in self._reported:
                log.warning(
                    "schedule %r: a newer deployment defines it differently; keeping that definition",
                    new.key,
                    extra={"schedule": new.key, "task": new.task_name},
                )
            (self._reported.add if outdated else self._reported.discard)(new.key)
        self._compare(records)
        return records

    def _compare(self, records: Sequence[ScheduleRecord]) -> None:
        before = self._stored
        self._stored = {one.new.key: (one.new.spec_hash, one.new.paused, one.retired) for one in records}
        changed = [key for key, state in self._stored.items() if before.get(key, state) != state]
        if changed:
            self._on_changed(sorted(changed))
