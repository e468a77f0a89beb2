"""How far a replica has come that questions are answered from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Replica:
    """A server that follows another one, at the moment of a question."""

    last_commit: datetime | None
    """When the last commit was made that has arrived there, by the primary's clock; None: none has, since
    that server started."""
    age: timedelta | None
    """How long ago that was, by the replica's clock: it lags by no more than that, as far as anything was
    committed at all. A worker that lives commits every third of a lease."""

    def __str__(self) -> str:
        if self.last_commit is None or self.age is None:
            return "a replica, to which no commit has come since it started"
        seconds = max(self.age.total_seconds(), 0.0)
        return f"a replica, whose last commit is {seconds:.1f} s old ({self.last_commit:%Y-%m-%d %H:%M:%SZ})"
