"""What a scenario found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pg_scheduler.client.source import Library
from tests.chaos.network.plant import Plant


@dataclass(frozen=True, slots=True)
class Findings:
    """One line of the table."""

    scenario: str
    library: Library
    seed: int
    faults: int
    jobs: int
    lost: int
    """Neither completed nor left over."""
    stranded: int
    """Left pending or running."""
    extra: int
    """Starts beyond the first of each job."""
    allowed: int
    """How many of these the scenario may cost."""
    refused: int
    """Verdicts of attempts that had lost their lease, refused."""
    stale: int
    """Jobs that count as completed by an attempt that was not the latest."""
    missed: int
    """Windows of a schedule that never became a job."""
    doubled: int
    recovery: float | None
    """Longest time in seconds from the end of an outage to the next completed job."""
    problems: tuple[str, ...] = ()

    def line(self) -> str:
        """As text."""
        recovery = "-" if self.recovery is None else f"{self.recovery:.2f} s"
        cells = (
            (self.scenario, 20), (self.library, 8), (self.seed, 7), (self.faults, 6), (self.jobs, 6),
            (self.lost, 5), (self.stranded, 8), (f"{self.extra} of {self.allowed}", 9), (self.refused, 7),
            (self.stale, 5), (f"{self.missed}/{self.doubled}", 7), (recovery, 8),
            ("; ".join(self.problems) or "ok", 7),
        )  # fmt: skip
        return "  ".join(f"{cell!s:>{width}}" for cell, width in cells)


HEADING = "  ".join(
    f"{name:>{width}}"
    for name, width in (
        ("scenario", 20), ("library", 8), ("seed", 7), ("faults", 6), ("jobs", 6), ("lost", 5),
        ("stranded", 8), ("extra", 9), ("refused", 7), ("STALE", 5), ("windows", 7), ("recovery", 8),
        ("verdict", 7),
    )
)  # fmt: skip

READING = """
extra: starts beyond one per job, of how many the scenario may cost; refused: verdicts of stale attempts that
reached the store and were turned away; STALE: completions accepted for an attempt that was not the latest;
windows: missed/doubled; recovery: from the end of an outage to the next completed job, the longest.
"""


async def judge(plant: Plant, scenario: str, seed: int, allowed: int, limit: float) -> Findings:
    """Compare the log with the table, once all workers are gone. `limit`: seconds a recovery may take."""
    rows = {
        row["job_id"]: row
        for row in await plant.sql(
            "SELECT job_id, status, epoch, worker_id, schedule_window, error_message FROM scheduled_jobs"
        )
    }
    statuses = Counter(rows[job]["status"] if job in rows else "gone" for job in plant.planned)
    stranded = statuses["pending"] + statuses["running"]
    starts = Counter(run.job_id for run in plant.runs)
    accepted = [run for run in plant.runs if run.accepted and run.ended and not run.forgotten]
    missed, doubled = await _windows(plant)
    found = Findings(
        scenario=scenario,
        library=plant.library,
        seed=seed,
        faults=plant.faults,
        jobs=len(plant.planned),
        lost=len(plant.planned) - statuses["completed"] - stranded,
        stranded=stranded,
        extra=sum(number - 1 for number in starts.values()),
        allowed=allowed,
        refused=sum(run.accepted is False for run in plant.runs),
        stale=sum(run.job_id in rows and rows[run.job_id]["epoch"] != run.epoch for run in accepted)
        + _completed_by_nobody(plant, rows.values()),
        missed=missed,
        doubled=doubled,
        recovery=max(plant.recoveries, default=None),
    )
    ends = [
        f"{row['job_id']} {row['status']}: {row['error_message']}"
        for row in rows.values()
        if row["job_id"] in plant.planned and row["status"] in ("failed", "cancelled", "expired")
    ]
    return _with_problems(found, limit, ends)


def _completed_by_nobody(plant: Plant, rows: Iterable[Mapping[str, Any]]) -> int:
    """Jobs that by the table were completed by a worker that had not the latest attempt."""
    ended = {(run.job_id, run.epoch, run.worker_id) for run in plant.runs if run.ended}
    return sum(
        (row["job_id"], row["epoch"], row["worker_id"]) not in ended
        for row in rows
        if row["status"] == "completed"
    )


async def _windows(plant: Plant) -> tuple[int, int]:
    """Windows of each schedule between its first and its mark that are missing, and that ran twice."""
    (row,) = await plant.sql(
        "SELECT count(*) AS jobs, count(DISTINCT schedule_window) AS windows,"
        " coalesce(extract(EPOCH FROM max(schedule_window) - min(schedule_window)), -1)::int + 1 AS span"
        " FROM scheduled_jobs WHERE schedule_window IS NOT NULL"
    )
    return row["span"] - row["windows"], row["jobs"] - row["windows"]


def _with_problems(found: Findings, limit: float, ends: list[str]) -> Findings:
    told = {
        "jobs were lost: " + ("; ".join(ends) or "gone from the table"): found.lost,
        "jobs were stranded": found.stranded,
        "extra starts": found.extra > found.allowed,
        "stale completions were accepted": found.stale,
        "windows were missed": found.missed,
        "windows were doubled": found.doubled,
        "recovery took too long": found.recovery is not None and found.recovery > limit,
        "nothing proved: no fault": not found.faults,
    }
    return replace(found, problems=tuple(text for text, wrong in told.items() if wrong))
