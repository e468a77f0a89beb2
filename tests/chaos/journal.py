"""What really ran: a file that every worker process appends to, beside the system under test."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Entry(StrEnum):
    """What a line tells."""

    START = "start"
    """An attempt began to run the job's function."""
    END = "end"
    """The function came to its end: the work is done."""
    FAIL = "fail"
    """The function is about to raise, as its job demands."""
    STOP = "stop"
    """The function was cancelled from outside."""
    ACCEPTED = "accepted"
    """The store told the worker that the attempt's verdict counts."""
    REFUSED = "refused"
    """The store told the worker that the attempt had lost its lease."""
    SEIZE = "seize"
    """The function is about to let nothing else in this process run."""
    DELIVERED = "delivered"
    """An object of one process has run a job; the event is the pid of that process."""
    UP = "up"
    """A worker process knows who it is."""
    READY = "ready"
    """It has started: from now on it takes back what others lose."""


ORIGIN = float(os.environ.get("CHAOS_ORIGIN") or time.time() - time.monotonic())
"""Unix time at which the machine's monotonic clock stood at 0. Workers are told that of the harness: their
own wall clocks may be what a scenario has tampered with."""


def true_time() -> float:
    """Unix time in seconds, the same in every process of a run."""
    return ORIGIN + time.monotonic()


WIDTH = 128
"""Bytes of every line. A divisor of the page size: the kernel may stop a longer write, or show a part of
it, at the border of a page, and a worker is killed at any moment."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal."""

    at: float
    """Unix time in seconds; all processes share one machine and so one clock."""
    entry: Entry
    job_id: str
    epoch: int
    worker_id: str
    pid: int
    event: str = "-"
    """For ACCEPTED and REFUSED: what the verdict wanted. For DELIVERED: whose object it was."""

    def text(self) -> str:
        """The line as stored."""
        fields = (f"{self.at:.6f}", self.entry, self.job_id, self.epoch, self.worker_id, self.pid, self.event)
        text = " ".join(str(field).replace(" ", "_") for field in fields)
        assert len(text) < WIDTH, f"the line does not fit: {text}"
        return text.ljust(WIDTH - 1) + "\n"

    @classmethod
    def of(cls, text: str) -> Line:
        """The inverse of `text`."""
        at, entry, job_id, epoch, worker_id, pid, event = text.split()
        return cls(float(at), Entry(entry), job_id, int(epoch), worker_id, int(pid), event)


class Journal:
    """The writing end, one per worker process. A line is one `write` in append mode, within one page: it is
    there whole or not at all, whatever kills the process meanwhile."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.belongs_to("-")

    def belongs_to(self, worker_id: str) -> None:
        """From now on lines are of this process, and of this worker in it."""
        self._pid, self.worker_id = os.getpid(), worker_id

    def write(self, entry: Entry, job_id: str, epoch: int, event: str = "-") -> None:
        """Append a line about an attempt."""
        line = Line(true_time(), entry, job_id, epoch, self.worker_id, self._pid, event)
        os.write(self._file, line.text().encode())


def read(path: Path) -> list[Line]:
    """All lines in order of time; none if nobody has written yet."""
    return in_order(Line.of(text) for text in path.read_text().splitlines()) if path.exists() else []


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Lines by time. The sort is stable: what one process wrote keeps its order."""
    return sorted(lines, key=lambda line: line.at)
