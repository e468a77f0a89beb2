"""What really ran, by the monotonic clock that all processes of a machine share."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

WIDTH = 128
"""Bytes of every line. A divisor of the page size, so that a killed writer leaves no half line."""


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt, from the first step of its function on."""

    job_id: str
    name: str
    """Of the entrypoint."""
    key: str
    """The limit key; "-" for none."""
    pid: int
    start: float
    """Monotonic seconds."""
    end: float | None
    """None where the function did not come to its end: its process was killed."""


class Journal:
    """The writing end, one per worker process."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, entry: str, job_id: str, name: str, key: str) -> None:
        """Append a line: a single write, there whole or not at all."""
        text = f"{time.monotonic():.6f} {entry} {job_id} {name} {key} {os.getpid()}"
        assert len(text) < WIDTH, f"the line does not fit: {text}"
        os.write(self._file, (text.ljust(WIDTH - 1) + "\n").encode())


def read(path: Path) -> list[Run]:
    """All attempts, in order of their starts."""
    ends: dict[tuple[str, str], list[float]] = {}
    starts: list[tuple[float, str, str, str, str]] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        at, entry, job_id, name, key, pid = line.split()
        if entry == "start":
            starts.append((float(at), job_id, name, key, pid))
        else:
            ends.setdefault((job_id, pid), []).append(float(at))
    runs = []
    for began, job_id, name, key, pid in sorted(starts):
        later = [end for end in ends.get((job_id, pid), []) if end >= began]
        runs.append(Run(job_id, name, key, int(pid), began, min(later, default=None)))
    return runs
