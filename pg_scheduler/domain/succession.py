"""What a schedule inherits when code defines it anew, or another one in its place.

Over releases a schedule may change its expression, its module or its name, and with them its key. It stays
one schedule: windows that were due and not run are still to be run, none is run under both keys, and the
unfinished run of the old key keeps the new one's runs waiting, by the same lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pg_scheduler.domain.registration import (
    RETURNS_WITHIN,
    TAKES_OVER,
    Known,
    Registering,
    Registration,
    family_of,
    plan_registration,
)
from pg_scheduler.domain.schedule import UNREADABLE, ScheduleSpec

AHEAD = timedelta(minutes=1)
"""A mark that lies further in the future was made by a clock that ran ahead. Less is the ordinary adjustment
of a clock, for which no window may run twice."""
MOST_REMEMBERED = 16
"""Replaced keys of one schedule: the runs of older ones have long ended. As many displaced names."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A schedule that code has."""

    key: str
    task_name: str
    spec: str
    """`ScheduleSpec.text()`."""
    spec_hash: str
    paused: bool = False
    """Only if it is new."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a schedule has come, and what it stands for."""

    mark: datetime | None = None
    next_window: datetime | None = None
    """None: the first window after now, and after the mark."""
    paused: bool = False
    lock_name: str | None = None
    stands_for: tuple[str, ...] = ()
    displaced_tasks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What registering the schedules of one program does."""

    confirm: tuple[str, ...] = ()
    """Keys of rows that are as wanted."""
    put: tuple[tuple[str, Standing], ...] = ()
    """Keys that get the wanted definition, and the standing with which they go on."""
    replace: tuple[str, ...] = ()
    """Keys that are retired because others take their place."""
    abandon: tuple[str, ...] = ()
    """Keys that are retired because no worker has confirmed them for a while. They keep their next window."""

    @property
    def only_confirms(self) -> bool:
        """True if nothing changes but heartbeats."""
        return not (self.put or self.replace or self.abandon)


def plan_registrations(wanted: Sequence[Wanted], stored: Sequence[Known], now: datetime) -> Plan:
    """Decide for all tasks of a program. `stored` holds the rows of code for these tasks, and whoever has one
    of the wanted keys or stands for one: a task that was renamed keeps its key, and may lose it later."""
    whole = Plan()
    elsewhere = {one.key: family_of(one.task_name, one.key) for one in wanted}
    for family in sorted(set(elsewhere.values())):
        mine = [one for one in wanted if elsewhere[one.key] == family]
        keys = {one.key for one in mine}
        rows = [
            row
            for row in stored
            if elsewhere.get(row.key, family) == family
            and (row.key in elsewhere or (row.of_code and _concerns(row, family, keys)))
        ]
        whole = _joined(whole, _plan_of_task(mine, rows, now))
    return whole


def _concerns(row: Known, family: str, keys: set[str]) -> bool:
    """True of what code has for this task, or for those that share its name, of what has taken the place of
    these keys, and of what would have this name if older code had not come back."""
    names = (family_of(row.task_name, row.key), *row.displaced_tasks)
    return family in names or not keys.isdisjoint(row.stands_for)


def _joined(one: Plan, other: Plan) -> Plan:
    return Plan(
        one.confirm + other.confirm,
        one.put + other.put,
        one.replace + other.replace,
        one.abandon + other.abandon,
    )


def _plan_of_task(wanted: Sequence[Wanted], stored: Sequence[Known], now: datetime) -> Plan:
    rows = {row.key: row for row in stored}
    found = plan_registration([(one.key, one.spec_hash) for one in wanted], stored, now)
    decided = list(zip(wanted, found.decisions, strict=True))
    return Plan(
        confirm=tuple(one.key for one, decision in decided if decision is Registering.CONFIRM),
        put=_standings(decided, rows, found, now),
        replace=found.retire if found.takes_over else (),
        abandon=() if found.takes_over else found.retire,
    )


def _standings(
    decided: Sequence[tuple[Wanted, Registering]],
    rows: dict[str, Known],
    found: Registration,
    now: datetime,
) -> tuple[tuple[str, Standing], ...]:
    predecessors = [rows[key] for key in found.predecessors]
    heirs = [one for one, decision in decided if decision in (Registering.INSERT, Registering.REVIVE)]
    parents = paired(heirs, predecessors)
    active = {one.key for one, _ in decided}
    taken = {
        row.lock_name or row.key
        for row in rows.values()
        if not row.retired and row.key not in found.predecessors
    }
    return tuple(
        (one.key, _inherited(one, rows, parents.get(one.key), predecessors, active, taken, now))
        for one, decision in decided
        if decision in TAKES_OVER
    )


def paired(heirs: Sequence[Wanted], predecessors: Sequence[Known]) -> dict[str, Known]:
    """Whose place each of them takes, by key: first those of the same windows, then in order. Who comes after
    the last takes nobody's."""
    parents: dict[str, Known] = {}
    free = sorted(predecessors, key=lambda row: row.key)
    for heir in heirs:
        same = next((row for row in free if same_windows(heir.spec, row.spec)), None)
        if same is not None:
            parents[heir.key] = same
            free.remove(same)
    for heir in heirs:
        if heir.key not in parents and free:
            parents[heir.key] = free.pop(0)
    return parents


def _inherited(
    wanted: Wanted,
    rows: Mapping[str, Known],
    parent: Known | None,
    predecessors: Sequence[Known],
    active: set[str],
    taken: set[str],
    now: datetime,
) -> Standing:
    own = rows.get(wanted.key)
    ancestor = parent or own
    # Whose windows it goes on with.
    before = parent or _successor(own, rows) or own
    mark, next_window = continued(
        wanted.spec,
        "" if before is None else before.spec,
        None if before is None or _is_forgotten(before, now) else before.next_window,
        max((row.mark for row in (own, before, *predecessors) if row and row.mark), default=None),
        now,
    )
    kept = () if own is None else own.stands_for
    replaced = (key for row in predecessors for key in (*row.stands_for, row.key))
    return Standing(
        mark=mark,
        next_window=next_window,
        paused=_paused(wanted, own, predecessors),
        lock_name=_lock_name(wanted.key, own, ancestor, taken),
        stands_for=_latest((*kept, *replaced), without=active),
        displaced_tasks=() if own is None else _displaced_tasks(wanted, own),
    )


def _successor(own: Known | None, rows: Mapping[str, Known]) -> Known | None:
    """Of a key that comes back: the row that had taken its place, and has not been heard of since."""
    if own is None or not own.retired:
        return None
    successors = [row for row in rows.values() if own.key in row.stands_for and row.key != own.key]
    return max(successors, key=lambda row: row.heartbeat, default=None)


def _displaced_tasks(wanted: Wanted, own: Known) -> tuple[str, ...]:
    """Older code may put its own name of the task back while newer code lives, which has only been silent by
    the database's clock: the next release is of the newer code, and must find the row. A definition that the
    row never had is newer than all of them."""
    if wanted.spec_hash == own.spec_hash:
        return own.displaced_tasks
    if wanted.spec_hash not in own.older_hashes:
        return ()
    displaced = (*own.displaced_tasks, family_of(own.task_name, own.key))
    return _latest(displaced, without={family_of(wanted.task_name, wanted.key)})


def _lock_name(key: str, own: Known | None, ancestor: Known | None, taken: set[str]) -> str | None:
    """The lock of whose place it takes. A key that comes back beside its successor must not share a lock with
    it: that one has taken it along."""
    lock_name = key if ancestor is None else ancestor.lock_name or ancestor.key
    comes_back = own is None or own.retired
    return f"{key}+" if comes_back and lock_name in taken else lock_name


def _is_forgotten(row: Known, now: datetime) -> bool:
    return row.retired and now - row.heartbeat >= RETURNS_WITHIN


def _paused(wanted: Wanted, own: Known | None, predecessors: Sequence[Known]) -> bool:
    replaced_pause = any(row.paused for row in predecessors)
    if own is None:
        return wanted.paused or replaced_pause
    # A row that comes back is paused if what it replaces is: its own state is from before.
    return replaced_pause if own.retired and predecessors else own.paused


def _latest(names: Iterable[str], without: set[str]) -> tuple[str, ...]:
    newest_first = dict.fromkeys(reversed([name for name in names if name not in without]))
    return tuple(reversed(list(newest_first)))[-MOST_REMEMBERED:]


def redefined(spec: str, row: Known, now: datetime) -> Standing:
    """The standing with which a row goes on under a new definition."""
    mark, next_window = continued(spec, row.spec, row.next_window, row.mark, now)
    return Standing(mark, next_window, row.paused, row.lock_name, row.stands_for)


def continued(
    spec: str, before: str, next_window: datetime | None, mark: datetime | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """The mark and the next window of a rule, after another one that had this next window.

    Windows that are due and not decided about are still to come: the new rule's, from the instant at which
    the old one was due. Where none was missed, the new rule begins after now; its first window is known from
    here on, as the process that registers it may be gone before anybody comes to look at its windows.
    """
    if not is_ahead(mark, now):
        if next_window is None or same_windows(spec, before):
            return mark, next_window
        begin = max(filter(None, (min(next_window - _INSTANT, now), mark)))
    else:
        mark = begin = now
    return mark, ScheduleSpec.from_text(spec).next_after(begin)


def is_ahead(mark: datetime | None, now: datetime) -> bool:
    """True if a mark was made by a clock that ran ahead: the schedule would stand still until then."""
    return mark is not None and mark - now > AHEAD


def same_windows(one: str, other: str) -> bool:
    """True if two specs have the same windows; False, too, for what this program cannot read."""
    try:
        return ScheduleSpec.from_text(one).same_windows(ScheduleSpec.from_text(other))
    except UNREADABLE:
        return False
