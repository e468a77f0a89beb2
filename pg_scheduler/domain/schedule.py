"""Schedules: which windows they have, and which of the due ones are to be run.

The next window is always computed from the window before it, never from the present, so nothing drifts and
every replica computes the same instants.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from pg_scheduler.domain.cron import CronRule
from pg_scheduler.domain.cron_days import CronDays
from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_positive, checked_time
from pg_scheduler.domain.windows import EPOCH, next_window, window_at, windows_between


class CatchUp(StrEnum):
    """What happens to windows that no worker ran in time. Each skipped window is counted."""

    NONE = "none"
    """Only the latest due window runs, and only if it is not later than the grace."""
    LATEST = "latest"
    """The latest due window runs, however late."""
    ALL = "all"
    """Every due window runs, oldest first, up to the limit; older ones are left out."""


class Overlap(StrEnum):
    """What a due window does while an earlier run of its schedule is unfinished (retries included)."""

    WAIT = "wait"
    """It waits; windows that pass meanwhile are caught up as `CatchUp` says."""
    SKIP = "skip"
    """It is left out, and counted."""
    ALLOW = "allow"
    """It runs beside the earlier one."""


MAX_CATCH_UP = 1_000
"""Most windows that "all" may mean."""
LONGEST = timedelta(days=36_525)
"""Longest interval and jitter, a century: no window computed from the present leaves the calendar."""
UNREADABLE = (ArithmeticError, LookupError, ValueError, TypeError)
"""What `ScheduleSpec.from_text` raises for the text of newer code, or for a zone that the zone database here
lacks."""


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a schedule is due and how it catches up: everything that decides about windows.

    Raises:
        InvalidInput: neither or both of `every` and `cron`, or an invalid value.
    """

    every: timedelta | None = None
    cron: CronRule | None = None
    anchor: datetime = EPOCH
    """An instant that is a window of an interval schedule."""
    jitter: timedelta = timedelta(0)
    """Each run starts up to this long after its window."""
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_limit: int = 100
    overlap: Overlap = Overlap.WAIT
    grace_seconds: int | None = 300
    """How late a window may be and still count as in time; None: however late."""

    def __post_init__(self) -> None:
        if self.every is None and self.cron is None:
            raise InvalidInput("schedule", "Either every or cron must be given")
        if self.every is not None and self.cron is not None:
            raise InvalidInput("schedule", "every and cron cannot both be given")
        checked_time("anchor", self.anchor)
        if self.every is not None:
            _check_span("every", self.every, timedelta(seconds=1))
        _check_span("jitter", self.jitter, timedelta(0))
        if checked_positive("catch_up limit", self.catch_up_limit) > MAX_CATCH_UP:
            raise InvalidInput("catch_up limit", f"at most {MAX_CATCH_UP}, got {self.catch_up_limit}")

    @property
    def first_start_grace(self) -> int | None:
        """How late the job of a window may start, in seconds; None: however late. Where missed windows are
        caught up, it is right to start late. Where they are not, a job that finds no worker in time has
        missed its window as well."""
        return self.grace_seconds if self.catch_up is CatchUp.NONE else None

    def next_after(self, window: datetime) -> datetime:
        """The first window strictly after an instant."""
        if self.cron is not None:
            return self.cron.next_after(window)
        assert self.every is not None
        return next_window(window, self.every, self.anchor)

    def same_windows(self, other: ScheduleSpec) -> bool:
        """True if both have the same windows, whatever else differs."""
        return (self.every, self.cron, self.phase) == (other.every, other.cron, other.phase)

    @property
    def phase(self) -> timedelta:
        """How far the windows of an interval lie from those without an anchor: two anchors may mean the
        same windows."""
        return timedelta(0) if self.every is None else (self.anchor - EPOCH) % self.every

    def windows_from(self, window: datetime) -> Iterator[datetime]:
        """This window and all that follow it."""
        while True:
            yield window
            window = self.next_after(window)

    def due(self, first: datetime, now: datetime, most: int) -> tuple[int, tuple[datetime, ...]]:
        """How many windows there are from this one to `now`, and the latest of them, at most so many, oldest
        first. What this costs does not grow with their number."""
        if first > now:
            return 0, ()
        if self.cron is not None:
            days = CronDays(self.cron, first, now)
            later, latest = days.count(), tuple(days.latest(most))
        else:
            assert self.every is not None
            last, later = (
                window_at(now, self.every, self.anchor),
                windows_between(first, now, self.every, self.anchor),
            )
            latest = tuple(last - number * self.every for number in reversed(range(min(later, most))))
        return later + 1, latest if len(latest) == most else (first, *latest)

    def text(self) -> str:
        """As JSON text, for the row; equal specs give equal text."""
        cron = self.cron
        stored: dict[str, Any] = {
            "every": None if self.every is None else self.every.total_seconds(),
            "cron": None if cron is None else cron.expression,
            "timezone": None if cron is None else cron.timezone.key,
            "dst_gap": None if cron is None else cron.dst_gap,
            "dst_overlap": None if cron is None else cron.dst_overlap,
            "hash_name": None if cron is None else cron.hash_name,
            "anchor": self.anchor.isoformat(),
            "jitter": self.jitter.total_seconds(),
            "catch_up": str(self.catch_up),
            "catch_up_limit": self.catch_up_limit,
            "overlap": str(self.overlap),
            "grace_seconds": self.grace_seconds,
        }
        return json.dumps(stored, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> ScheduleSpec:
        """The inverse of `text`."""
        stored = json.loads(text)
        cron = None
        if stored["cron"] is not None:
            cron = CronRule(
                stored["cron"],
                ZoneInfo(stored["timezone"]),
                stored["dst_gap"],
                stored["dst_overlap"],
                stored["hash_name"],
            )
        return cls(
            every=None if stored["every"] is None else timedelta(seconds=stored["every"]),
            cron=cron,
            anchor=datetime.fromisoformat(stored["anchor"]),
            jitter=timedelta(seconds=stored["jitter"]),
            catch_up=CatchUp(stored["catch_up"]),
            catch_up_limit=stored["catch_up_limit"],
            overlap=Overlap(stored["overlap"]),
            grace_seconds=stored["grace_seconds"],
        )


@dataclass(frozen=True, slots=True)
class RuleText:
    """What a spec's text says about windows, even if this program cannot read it."""

    every: timedelta | None = None
    cron: str | None = None
    timezone: str | None = None
    unreadable: str | None = None
    """Why this program cannot read it; None if it can."""

    @classmethod
    def of(cls, text: str) -> RuleText:
        """The rule in a spec's text."""
        try:
            spec = ScheduleSpec.from_text(text)
        except UNREADABLE as error:
            return cls._of_unreadable(text, f"{type(error).__name__}: {error}")
        cron = spec.cron
        if cron is None:
            return cls(spec.every)
        return cls(None, cron.expression, cron.timezone.key)

    @classmethod
    def _of_unreadable(cls, text: str, reason: str) -> RuleText:
        try:
            stored = json.loads(text)
            every = stored.get("every")
            return cls(
                every if every is None else timedelta(seconds=every),
                stored.get("cron"),
                stored.get("timezone"),
                reason,
            )
        except (*UNREADABLE, AttributeError):
            return cls(unreadable=reason)


def overlap_in(text: str) -> Overlap:
    """What a spec's text says about overlapping, even if its rule cannot be read here."""
    return Overlap(json.loads(text)["overlap"])


def zone_in(text: str) -> str:
    """The zone that a spec's text names, even if it cannot be read here; UTC for an interval."""
    return str(json.loads(text)["timezone"] or "UTC")


def _check_span(field: str, span: object, least: timedelta) -> None:
    if not isinstance(span, timedelta):
        raise InvalidInput(field, f"expected a timedelta, got {shown(span)}")
    if not least <= span <= LONGEST:
        limits = f"at least {least.total_seconds():g} s and at most {LONGEST.days} days"
        raise InvalidInput(field, f"must be {limits}, got {span}")


def spec_hash(*parts: str) -> str:
    """What tells two versions of a schedule apart: 16 hex digits over everything that defines it."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def window_job_id(schedule_key: str, window: datetime) -> str:
    """The id of a window's job: ``periodic:<key>:<window as UTC seconds>``."""
    return f"periodic:{schedule_key}:{int(window.timestamp())}"


def manual_job_id(schedule_key: str, randomness: bytes) -> str:
    """The id of a run that somebody asked for: ``manual_periodic:<key>:<8 hex digits>``."""
    return f"manual_periodic:{schedule_key}:{randomness.hex()[:8]}"


def backfill_job_id(schedule_key: str, window: datetime) -> str:
    """The id of a run that somebody asked for after its window had passed:
    ``backfill_periodic:<key>:<window as UTC seconds>``."""
    return f"backfill_periodic:{schedule_key}:{int(window.timestamp())}"


def default_key(qualified_name: str, spec: ScheduleSpec) -> str:
    """The key of a schedule that was given none: 16 hex digits of sha256 over all that makes its windows.

    That is ``module.name:interval:SECONDS``, SECONDS being the float that `timedelta.total_seconds` gives,
    e.g. ``900.0``, or ``module.name:cron:EXPR:tz:TZ``: ids stay what they were for programs that used an
    earlier library of this contract. Only what that library did not know, an anchor that moves the windows or
    another rule for changed clocks, stands behind it.
    """
    return _digest(_plain_identity(qualified_name, spec) + "".join(_particulars(spec)))


def plain_key(qualified_name: str, spec: ScheduleSpec) -> str:
    """The default key of before schedules of other anchors and clock rules had keys of their own."""
    return _digest(_plain_identity(qualified_name, spec))


def _plain_identity(qualified_name: str, spec: ScheduleSpec) -> str:
    if spec.cron is not None:
        return f"{qualified_name}:cron:{spec.cron.expression}:tz:{spec.cron.timezone.key}"
    assert spec.every is not None
    return f"{qualified_name}:interval:{spec.every.total_seconds()}"


def _particulars(spec: ScheduleSpec) -> Iterator[str]:
    if spec.phase:
        yield f":phase:{spec.phase.total_seconds()}"
    for name in ("dst_gap", "dst_overlap"):
        rule = getattr(spec.cron, name, None)
        if rule is not None:
            yield f":{name}:{rule}"


def _digest(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:16]
