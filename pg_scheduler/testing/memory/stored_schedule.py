"""The rows of schedules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pg_scheduler.domain.schedule import Overlap, ScheduleSpec
from pg_scheduler.ports.schedule_store import NewSchedule


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

    @property
    def active(self) -> bool:
        """True if its windows become jobs."""
        return not self.new.paused and not self.retired

    def redefine(self, wanted: NewSchedule, now: datetime) -> None:
        """Take a new definition; windows start anew where their rule changed."""
        keep = ScheduleSpec.from_text(wanted.spec).same_windows(ScheduleSpec.from_text(self.new.spec))
        if wanted.spec_hash != self.new.spec_hash:
            gone = (wanted.spec_hash, self.new.spec_hash)
            older = tuple(one for one in self.older_hashes if one not in gone)
            self.older_hashes = (*older, self.new.spec_hash)
        self.new = replace(wanted, paused=self.new.paused)
        self.next_window = self.next_window if keep else None
        self.heartbeat, self.retired = now, False

    @property
    def waits(self) -> bool:
        """True if a window waits while an earlier run is unfinished."""
        return ScheduleSpec.from_text(self.new.spec).overlap is Overlap.WAIT
