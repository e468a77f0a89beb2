"""The rows of schedules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pg_scheduler.domain.registration import Known
from pg_scheduler.domain.schedule import Overlap, overlap_in
from pg_scheduler.domain.succession import Standing
from pg_scheduler.ports.schedule_store import NewSchedule, Origin


@dataclass(slots=True)
class StoredSchedule:
    """One row of `scheduled_job_schedules`."""

    new: NewSchedule
    created_at: datetime
    heartbeat: datetime
    mark: datetime | None = None
    next_window: datetime | None = None
    run_count: int = 0
    skipped_count: int = 0
    older_hashes: tuple[str, ...] = ()
    retired: bool = False
    last_job_id: str | None = None
    lock_name: str | None = None
    stands_for: tuple[str, ...] = ()
    displaced_tasks: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """True if its windows become jobs."""
        return not self.new.paused and not self.retired

    def known(self) -> Known:
        """What deciding about its registration needs."""
        return Known(
            key=self.new.key,
            spec_hash=self.new.spec_hash,
            older_hashes=self.older_hashes,
            heartbeat=self.heartbeat,
            retired=self.retired,
            task_name=self.new.task_name,
            of_code=self.new.origin is Origin.CODE,
            spec=self.new.spec,
            mark=self.mark,
            next_window=self.next_window,
            paused=self.new.paused,
            lock_name=self.lock_name,
            stands_for=self.stands_for,
            displaced_tasks=self.displaced_tasks,
        )

    def take(self, wanted: NewSchedule, standing: Standing, now: datetime) -> None:
        """Take a definition, and go on with this standing."""
        if wanted.spec_hash != self.new.spec_hash:
            gone = (wanted.spec_hash, self.new.spec_hash)
            older = tuple(one for one in self.older_hashes if one not in gone)
            self.older_hashes = (*older, self.new.spec_hash)
        self.new = replace(wanted, paused=standing.paused)
        self.mark, self.next_window = standing.mark, standing.next_window
        self.lock_name, self.stands_for = standing.lock_name, standing.stands_for
        self.displaced_tasks = standing.displaced_tasks
        self.heartbeat, self.retired = now, False

    @property
    def waits(self) -> bool:
        """True if a window waits while an earlier run is unfinished; nonsense does not, as nobody runs it."""
        try:
            return overlap_in(self.new.spec) is Overlap.WAIT
        except (ValueError, KeyError, TypeError):
            return False

    @property
    def lock(self) -> str:
        """The lock of its runs, which those who take its place inherit."""
        return self.lock_name or self.new.key

    @property
    def keys(self) -> tuple[str, ...]:
        """Whose runs are its own: those under its key, and under the keys that it has replaced."""
        return (self.new.key, *self.stands_for)
