"""Events that the processes of the demo report to the one that started them."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    who: str
    what: str
    """started, completed, failed, ..."""
    job: str = ""
    """The job's id; for a worker that is ready, the worker's."""
    note: str = ""
    task: str = ""
    at: float = field(default_factory=time.monotonic)
    """time.monotonic(), which all processes of a machine share."""

    def tell(self) -> None:
        """Write it to stdout for the demo. If the demo is gone, does nothing."""
        try:
            sys.stdout.write(json.dumps(asdict(self)) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()

    @classmethod
    def heard(cls, line: str) -> Event | None:
        """The event in a line; None if the line holds none."""
        try:
            return cls(**json.loads(line))
        except (ValueError, TypeError):
            return None


def silence_stdout() -> None:
    """Redirect stdout to nowhere, so that buffered output does not fail again when the interpreter exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
