"""The next runs of a schedule there and here: the rule that is stored is one that has been compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, product, takewhile

from pg_scheduler.domain.cron import CronRule, GapRule, OverlapRule, zone_of
from pg_scheduler.domain.schedule import ScheduleSpec
from pg_scheduler.domain.windows import EPOCH
from pg_scheduler_import.foreign import Refused
from pg_scheduler_import.scheduled import Recurring, Rule

SHOWN = 5
"""Runs that are shown side by side. Where these differ, a schedule is refused."""
COMPARED = 400
LONG = timedelta(days=400)
"""How far runs are compared: over a year, so over both changes of the clocks."""

_GAPS: tuple[GapRule | None, ...] = (None, "skip", "shift")
_OVERLAPS: tuple[OverlapRule | None, ...] = (None, "first", "both")


@dataclass(frozen=True, slots=True)
class Compared:
    """A rule here, and its runs beside those there."""

    there: list[datetime]
    here: list[datetime]
    dst_gap: GapRule | None = None
    dst_overlap: OverlapRule | None = None
    note: str | None = None


def compared(wanted: Recurring) -> Compared:
    """The rule here whose runs are those there; where the clocks change there may be none, and the note says
    so.

    Raises:
        Refused: one of the next five runs differs.
    """
    there = _far_enough(wanted)
    if not there:
        raise Refused("it has no next run")
    best: tuple[int, Compared] | None = None
    for gap, overlap in _choices(wanted.rule):
        here = _here(wanted.rule, gap, overlap, there[0], len(there))
        alike = _alike(there, here)
        if best is None or alike > best[0]:
            best = alike, Compared(there[:SHOWN], here[:SHOWN], gap, overlap, _note(there, here, alike))
        if alike == len(there):
            break
    assert best is not None
    if best[0] < min(SHOWN, len(there)):
        found = best[1]
        raise Refused(
            f"as {wanted.rule} it would run at {found.here[best[0]]}, and there at {found.there[best[0]]}"
        )
    return best[1]


def _far_enough(wanted: Recurring) -> list[datetime]:
    runs = islice(wanted.runs(), COMPARED)
    first = next(runs, None)
    if first is None:
        return []
    end = first + LONG
    return [moment.astimezone(UTC) for moment in (first, *takewhile(lambda moment: moment <= end, runs))]


def _choices(rule: Rule) -> Sequence[tuple[GapRule | None, OverlapRule | None]]:
    if rule.cron is None or rule.timezone == "UTC":
        return [(None, None)]
    return list(product(_GAPS, _OVERLAPS))


def _here(
    rule: Rule, gap: GapRule | None, overlap: OverlapRule | None, first: datetime, count: int
) -> list[datetime]:
    cron = None if rule.cron is None else CronRule(rule.cron, zone_of(rule.timezone), gap, overlap)
    spec = ScheduleSpec(every=rule.every, cron=cron, anchor=rule.anchor or EPOCH)
    start = spec.next_after(first - timedelta(microseconds=1 if cron is None else 1_000_000))
    return list(islice(spec.windows_from(start), count))


def _alike(there: Sequence[datetime], here: Sequence[datetime]) -> int:
    """How many runs agree, to the second, before one does not."""
    pairs = zip(there, here, strict=False)
    return sum(1 for _ in takewhile(lambda pair: abs(pair[0] - pair[1]) < timedelta(seconds=1), pairs))


def _note(there: Sequence[datetime], here: Sequence[datetime], alike: int) -> str | None:
    if alike == len(there):
        return None
    return f"where the clocks change it differs: at {here[alike]} here, at {there[alike]} there"
