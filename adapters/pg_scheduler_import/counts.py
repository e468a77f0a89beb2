"""What an import did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Refusal:
    """A job that stays where it is."""

    source_id: str
    task: str
    reason: str


@dataclass(slots=True)
class Counts:
    """Every job that was looked at is imported, known or refused."""

    source: str
    imported: int = 0
    known: int = 0
    """Copied by an earlier import, and still stored here."""
    refusals: list[Refusal] = field(default_factory=list)
    left: Mapping[str, int] = field(default_factory=dict)
    """How many jobs the other table holds afterwards, by its own statuses: those that were refused, those
    that its workers held meanwhile, those that run there or have ended."""

    @property
    def seen(self) -> int:
        """How many were looked at."""
        return self.imported + self.known + len(self.refusals)
