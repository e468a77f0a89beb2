"""A schedule of another program, as an import needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol

import asyncpg

from pg_scheduler_import.foreign import Refused


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is due: by an interval, or by a cron expression."""

    every: timedelta | None = None
    anchor: datetime | None = None
    cron: str | None = None
    timezone: str = "UTC"

    def __str__(self) -> str:
        return f"every {self.every}" if self.cron is None else f"{self.cron} ({self.timezone})"


@dataclass(frozen=True, slots=True)
class Recurring:
    """It is due again and again."""

    rule: Rule
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    runs: Callable[[], Iterable[datetime]]
    """Its next runs there, as long as they are asked for."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of `Scheduler.add_schedule`."""
    goes_on_at: datetime | None = None
    """The first run that the other program has not begun; None: the first one after now."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Once:
    """It is due one time."""

    at: datetime
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    grace: int | None = None
    """Seconds that it may be late; None: it never expires."""
    queue: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """One that the other program has."""

    source_id: str
    task: str
    """What it calls the task."""
    read: Callable[[], Recurring | Once]
    """What it means.

    Raises:
        Refused, InvalidInput: it cannot be one here.
    """
    state: Any = None
    """What `let_go` has to find unchanged; nothing, if the other program does not keep it in this database,
    or would not run it."""


class ForeignSchedules(Protocol):
    """The schedules of another program."""

    name: str
    """What it is called, and the beginning of the keys of its schedules here."""

    async def found(self, connection: asyncpg.Connection) -> list[Found]:
        """All of them, by their ids.

        Raises:
            ConfigurationError: there is no such program, or one of another version.
        """
        ...

    async def let_go(self, connection: asyncpg.Connection, one: Found) -> None:
        """Take one away from the other program within the connection's transaction, if it is kept in this
        database.

        Raises:
            Refused: it has run, or was changed, since it was read.
        """
        ...

    async def in_time(self, connection: asyncpg.Connection) -> bool:
        """Whether what was let go has not become due there meanwhile: asked last in the transaction."""
        ...

    async def afterwards(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> None:
        """See to it, after the commit, that the other program has noticed."""
        ...

    async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
        """How many it holds, by its own statuses."""
        ...


def zone_named(zone: tzinfo) -> str:
    """The IANA name of a time zone.

    Raises:
        Refused: it has none.
    """
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if isinstance(name, str):
        return name
    if zone == UTC or (zone.utcoffset(None) == timedelta(0)):
        return "UTC"
    raise Refused(f"its time zone {zone} has no IANA name")
