"""What an import did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """A job or schedule that stays where it is."""

    source_id: str
    task: str
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A schedule that is ours now, or a single run of one."""

    source_id: str
    key: str
    """Of the schedule here; the id of the job, if it is a single run."""
    task: str
    when: str
    """Its rule here."""
    there: list[datetime]
    """Its next runs as the other scheduler says."""
    here: list[datetime]
    """Its next runs as we say."""
    notes: list[str]
    """What is different here."""


@dataclass(slots=True)
class Counts:
    """Every job or schedule that was looked at is imported, known or refused."""

    source: str
    imported: int = 0
    known: int = 0
    """Copied by an earlier import, and still stored here."""
    refusals: list[Refusal] = field(default_factory=list)
    left: Mapping[str, int] = field(default_factory=dict)
    """How many the other side holds afterwards, by its own statuses: those that were refused, those that its
    workers held meanwhile, those that run there or have ended."""
    schedules: list[Taken] = field(default_factory=list)
    """The schedules among those imported."""

    @property
    def seen(self) -> int:
        """How many were looked at."""
        return self.imported + self.known + len(self.refusals)
