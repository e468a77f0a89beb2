"""Which schedules of the code become, stay or stop being rows while several versions of it run.

A deploy replaces workers one by one, so for a while two versions register different schedules for a task. The
younger registration wins and the older one is retired, not deleted: an old worker that restarts meanwhile
finds its schedule retired and leaves it so. Only when no worker has confirmed the younger one for a while
(a rollback) does the older one return.

How far the replaced schedules have come is handed on; see `domain.succession`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from pg_scheduler.domain.identity import MAX_NAME

SILENCE = timedelta(seconds=120)
"""A definition that no worker has confirmed for this long has no code behind it any more."""
RETURNS_WITHIN = timedelta(days=7)
"""A schedule that was retired because no worker confirmed it, and that code names again within this time, was
only down: it goes on where it stopped. After that it was removed, and begins anew."""


def name_within_family(family: str, key: str) -> str:
    """The task name of one schedule's function where functions of several schedules have the name `family`:
    the name and the key."""
    name = f"{family}@{key}"
    return name if len(name) <= MAX_NAME else f"{family[:200]}@{sha256(name.encode()).hexdigest()[:16]}"


def family_of(task_name: str, key: str) -> str:
    """The name that the tasks of related schedules share: those of one family retire each other, when code
    has them no more."""
    return task_name.removesuffix(f"@{key}")


class Registering(StrEnum):
    """What registering one wanted schedule does."""

    INSERT = "insert"
    """There is no such row."""
    CONFIRM = "confirm"
    """The row is as wanted: only its heartbeat is renewed."""
    REDEFINE = "redefine"
    """The row takes the wanted definition."""
    REVIVE = "revive"
    """The row was retired, and what replaced it has no code behind it: it is active again."""
    YIELD = "yield"
    """Newer code has another idea, and lives: nothing is changed."""


TAKES_OVER = frozenset({Registering.INSERT, Registering.REVIVE, Registering.REDEFINE})
"""Decisions by which a row gets the wanted definition."""


@dataclass(frozen=True, slots=True)
class Known:
    """The relevant facts about a stored schedule."""

    key: str
    spec_hash: str
    older_hashes: tuple[str, ...]
    """Definitions this row has had before."""
    heartbeat: datetime
    retired: bool
    task_name: str = ""
    of_code: bool = True
    """False for one that was made at run time."""
    spec: str = ""
    """`ScheduleSpec.text()`."""
    mark: datetime | None = None
    next_window: datetime | None = None
    paused: bool = False
    lock_name: str | None = None
    """The lock of its runs; None: its key."""
    stands_for: tuple[str, ...] = ()
    """Keys that it has replaced: their unfinished runs are its own."""
    displaced_tasks: tuple[str, ...] = ()
    """What its task is called (as `family_of`) by definitions that an older one has displaced by coming back:
    code that has one of these names goes on with this row."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What to do for one task: one decision per wanted schedule, and the keys to retire."""

    decisions: tuple[Registering, ...]
    retire: tuple[str, ...]
    """Rows that are replaced, or that have no code behind them any more."""
    predecessors: tuple[str, ...] = ()
    """Rows whose standing goes to those that are inserted, revived or redefined: the replaced ones, or those
    that were retired for silence since the wanted ones were last confirmed."""

    @property
    def takes_over(self) -> bool:
        """True if a row gets a definition: what is retired is replaced, not just abandoned."""
        return any(decision in TAKES_OVER for decision in self.decisions)


def plan_registration(
    wanted: Sequence[tuple[str, str]], stored: Sequence[Known], now: datetime
) -> Registration:
    """Decide for one task. `wanted` holds (key, spec hash) pairs, `stored` all rows of code for that task."""
    rows = {row.key: row for row in stored}
    keys = {key for key, _ in wanted}
    rivals = [row for row in stored if row.key not in keys and not row.retired]
    rival_lives = any(_lives(row, now) for row in rivals)
    decisions = tuple(_decide(rows.get(key), wanted_hash, rival_lives, now) for key, wanted_hash in wanted)
    takes_over = any(decision in TAKES_OVER for decision in decisions)
    retire = tuple(row.key for row in rivals if takes_over or not _lives(row, now))
    predecessors = retire or _abandoned([row for row in stored if row.key not in keys], stored, now)
    return Registration(decisions, retire, predecessors if takes_over else ())


def _abandoned(others: Sequence[Known], stored: Sequence[Known], now: datetime) -> tuple[str, ...]:
    """The rows that were in force last, if those were not the wanted ones: their code fell silent, and
    somebody retired them before this code came."""
    latest = max((row.heartbeat for row in stored), default=now)
    return tuple(
        row.key
        for row in others
        if row.retired and row.heartbeat == latest and now - row.heartbeat < RETURNS_WITHIN
    )


def _decide(row: Known | None, wanted_hash: str, rival_lives: bool, now: datetime) -> Registering:
    if row is None:
        return Registering.INSERT
    if row.retired:
        return Registering.YIELD if rival_lives else Registering.REVIVE
    if row.spec_hash == wanted_hash:
        return Registering.CONFIRM
    if wanted_hash in row.older_hashes and _lives(row, now):
        return Registering.YIELD
    return Registering.REDEFINE


def _lives(row: Known, now: datetime) -> bool:
    return now - row.heartbeat < SILENCE
