"""How findings are shown."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tests.chaos.play import Report

COLUMNS: tuple[tuple[str, int, Callable[[Report], object]], ...] = (
    ("scenario", 8, lambda one: one.scenario),
    ("library", 8, lambda one: one.library),
    ("seed", 10, lambda one: one.seed),
    ("faults", 6, lambda one: one.findings.faults),
    ("jobs", 6, lambda one: one.findings.jobs),
    ("lost", 5, lambda one: one.findings.lost),
    ("stranded", 8, lambda one: one.findings.stranded),
    ("starts", 7, lambda one: one.findings.starts),
    ("extra", 6, lambda one: one.findings.extra),
    ("bound", 6, lambda one: one.findings.in_flight),
    ("unexplained", 11, lambda one: one.findings.unexplained),
    ("refused", 7, lambda one: one.findings.refused),
    ("late ok", 7, lambda one: one.findings.late),
    ("STALE OK", 8, lambda one: one.findings.stale),
    ("recovery p50/max", 16, lambda one: _recovery(one)),
    ("jobs/s", 7, lambda one: f"{one.findings.rate:.0f}"),
    ("verdict", 7, lambda one: "; ".join(one.problems) or "ok"),
)

READING = """
lost: not completed in the end; stranded: left pending or running; extra: starts beyond one per job (and
beyond the retries that a failing job asks for); bound: attempts in flight when their worker was hurt;
unexplained: extra starts that no fault explains; refused: completions of stale attempts that reached the
store and were turned away; late ok: verdicts of a paused worker that counted because nobody had taken the job
over; STALE OK: completions accepted for an attempt that was not the job's latest. lost, stranded,
unexplained and STALE OK must be 0, extra at most the bound. Recovery: seconds from a kill to the next start.
"""


def heading() -> str:
    """The names of the columns."""
    return "  ".join(f"{name:>{width}}" for name, width, _ in COLUMNS)


def line_of(report: Report) -> str:
    """One scenario's line."""
    return "  ".join(f"{shown(report)!s:>{width}}" for _, width, shown in COLUMNS)


def as_json(reports: Sequence[Report]) -> str:
    """Everything, for machines."""
    return json.dumps([asdict(report) for report in reports], indent=2)


def _recovery(report: Report) -> str:
    p50, longest = report.findings.recovery_p50, report.findings.recovery_max
    return "-" if p50 is None or longest is None else f"{p50:.2f} / {longest:.2f} s"


class Progress:
    """A line that is written over on a terminal, and now and then a new one elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = self._shown = time.monotonic()
        self._terminal = sys.stderr.isatty()

    def __call__(self, finished: int, jobs: int, faults: int) -> None:
        now = time.monotonic()
        if not self._terminal and now - self._shown < 10:
            return
        self._shown = now
        text = f"{self._title}: {now - self._began:5.1f} s, {finished} of {jobs} jobs ended, {faults} faults"
        print(f"\r{text}" if self._terminal else text, end="" if self._terminal else "\n", file=sys.stderr)
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
