"""Lists that are turned over page by page, and numbers that are counted so far and no further."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.model import JobRecord

MOST_MATCHING = 10_000
"""So many jobs are as many as any number, and counting ends."""
MOST_SEARCHED = 5_000
"""So many jobs one call looks through where no index leads to those that are wanted: some 50 ms at most."""

_SHAPE = "Take it from `next` of the page before: 2030-01-31T08:00:00+00:00/ID"


class Cursor(NamedTuple):
    """A place in the order of time, id: a page holds what stands before it, the newest first. As text it
    stands in addresses and commands."""

    at: datetime
    job_id: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC).isoformat()}/{self.job_id}"

    @classmethod
    def of(cls, text: str) -> Cursor:
        """The inverse of ``str``.

        Raises:
            InvalidInput: the text is none.
        """
        time, slash, job_id = text.partition("/")
        try:
            at: datetime | None = datetime.fromisoformat(time)
        except ValueError:
            at = None
        if not slash or at is None or at.tzinfo is None or "\x00" in job_id:
            raise InvalidInput("cursor", f"not a place in a list: {shown(text)}", _SHAPE)
        return cls(at.astimezone(UTC), job_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the jobs that match."""

    jobs: tuple[JobRecord, ...]
    """The newest first: by time (see `time_of`), then id."""
    next: Cursor | None
    """Where the next page begins; None if there is nothing more. A page may hold fewer jobs than were asked
    for, or none, and still have a next one: where no index leads to those that match, a call looks through a
    bounded number of jobs, back to the time of this place."""
    now: datetime
    """The store's time."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs match."""

    number: int
    exact: bool
    """False if there may be more."""
    now: datetime
    """The store's time."""

    def __str__(self) -> str:
        return f"{self.number:,}{'' if self.exact else '+'}"
