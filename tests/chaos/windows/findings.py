"""What came of the windows that were due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from pg_scheduler.client.source import Library


@dataclass(frozen=True, slots=True)
class Findings:
    """One line of the report."""

    scenario: str
    library: Library
    seed: int
    wanted: int
    """Windows that were due."""
    enqueued: int
    """Windows that are jobs."""
    doubled: int
    """Jobs beyond one per window, by the rows and by the schedule's own count, which sees what the job id
    hides: a second job of the same id is not stored."""
    missed: int
    """Windows that are no job, or that the schedule says it left out."""
    unrun: int
    """Windows whose job left no trace in the journal or did not complete."""
    kills: int
    restarts: int
    deserted: int
    """Workers that ended by themselves."""
    unasked: int = 0
    """Jobs of windows that were not due."""

    @property
    def well(self) -> bool:
        """True if every window was there once and ran."""
        wrong = (self.doubled, self.missed, self.unrun, self.deserted, self.unasked)
        return not any(wrong) and self.enqueued == self.wanted > 0

    def line(self) -> str:
        """For people."""
        return (
            f"{self.scenario:>9}  {self.library:>8}  windows wanted {self.wanted}, enqueued {self.enqueued}, "
            f"doubled {self.doubled}, missed {self.missed}, without a run {self.unrun}, "
            f"not due {self.unasked}, "
            f"kills {self.kills}, restarts {self.restarts}, deserters {self.deserted}, seed {self.seed}: "
            f"{'ok' if self.well else 'BROKEN'}"
        )


@dataclass(frozen=True, slots=True)
class Count:
    """Windows compared with rows and journal."""

    enqueued: int
    doubled: int
    missed: int
    unrun: int
    unasked: int


def read(journal: Path) -> set[str]:
    """The ids of the jobs that ran."""
    return set(journal.read_text().splitlines()) if journal.exists() else set()


async def counted(
    sql: asyncpg.Connection,
    key: str,
    wanted: Collection[datetime],
    run_count: int,
    skipped: int,
    ran: Collection[str],
) -> Count:
    """The windows of a schedule that is over: nothing moves any more. `ran` are the ids of jobs that ran."""
    rows = await sql.fetch(
        "SELECT job_id, schedule_window, status FROM scheduled_jobs WHERE schedule_key = $1", key
    )
    stored = Counter(row["schedule_window"].astimezone(UTC) for row in rows)
    well = {row["schedule_window"] for row in rows if row["status"] == "completed" and row["job_id"] in ran}
    enqueued = sum(1 for window in wanted if window in stored)
    return Count(
        enqueued=enqueued,
        doubled=(len(rows) - len(stored)) + max(run_count - len(stored), 0),
        missed=len(wanted) - enqueued + skipped,
        unrun=sum(1 for window in wanted if window in stored and window not in well),
        unasked=sum(1 for window in stored if window not in wanted),
    )
