"""How outcomes are shown."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

from tests.chaos.outcome import Outcome

COLUMNS: tuple[tuple[str, int, Callable[[Outcome], object]], ...] = (
    ("scenario", 16, lambda one: one.scenario),
    ("library", 7, lambda one: one.library),
    ("faults", 6, lambda one: one.faults),
    ("jobs", 6, lambda one: one.jobs),
    ("lost", 4, lambda one: one.lost),
    ("stranded", 8, lambda one: one.stranded),
    ("extra/bound", 11, lambda one: f"{one.extra}/{one.bound}"),
    ("stale tried/refused", 19, lambda one: f"{one.tried}/{one.refused}"),
    ("late", 4, lambda one: one.late),
    ("missed", 6, lambda one: one.missed),
    ("doubled", 7, lambda one: one.doubled),
    ("recovery", 8, lambda one: "-" if one.recovery is None else f"{one.recovery:.2f} s"),
    ("took", 6, lambda one: f"{one.seconds:.0f} s"),
    ("verdict", 0, lambda one: "BROKEN: " + "; ".join(one.problems) if one.problems else "ok"),
    ("", 0, lambda one: f"({one.note})" if one.note else ""),
)

READING = """
lost: jobs that did not end as they should; stranded: left pending or running; extra: starts beyond one per
job (and beyond the retries that a failing job asks for), bound: how many the faults explain; stale: late
completions of attempts whose job somebody else had taken over; late: completions after a lost lease that
counted because nobody had; missed, doubled: windows of schedules; recovery: the longest time from a kill
until a job of the killed worker could be claimed again (a lease is 2 s), without the seconds in which no
worker at all was up; queued: from then to its start, behind more urgent jobs.
"""


def heading() -> str:
    """The names of the columns."""
    return "  ".join(f"{name:>{width}}" for name, width, _ in COLUMNS)


def line_of(outcome: Outcome) -> str:
    """One scenario's line."""
    return "  ".join(f"{shown(outcome)!s:>{width}}" for _, width, shown in COLUMNS).rstrip()


def as_json(outcomes: Sequence[Outcome]) -> str:
    """Everything, for machines."""
    return json.dumps([asdict(outcome) for outcome in outcomes], indent=2)


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
