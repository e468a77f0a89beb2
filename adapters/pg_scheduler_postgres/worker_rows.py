"""Workers to rows and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, TypeVar

from pg_scheduler.domain.workers import SignOfLife, WorkerProfile, WorkerRecord, WorkerState, WorkerWish
from pg_scheduler_postgres.conversions import duration, instant, utc
from pg_scheduler_postgres.session import Row

_E = TypeVar("_E", bound=StrEnum)


def values_of_life(says: SignOfLife) -> dict[str, Any]:
    """What a worker says, as parameters; without a profile they leave what is stored."""
    values: dict[str, Any] = {"state": str(says.state), "listening": says.listening, "clock": says.clock}
    profile = says.profile
    if profile is None:
        return values | dict.fromkeys(
            ("task_names", "chosen", "queues", "capacity", "app_version", "library_version")
        )
    return values | {
        "task_names": list(profile.task_names),
        "chosen": None if profile.chosen is None else list(profile.chosen),
        "queues": None if profile.queues is None else json.dumps(dict(profile.queues)),
        "capacity": profile.capacity,
        "app_version": profile.app_version,
        "library_version": profile.library_version,
    }


def worker_record(row: Row) -> WorkerRecord:
    """A row of the workers table. Words that a later version writes are read as if nothing were said."""
    return WorkerRecord(
        worker_id=row["worker_id"],
        hostname=row["hostname"],
        pid=row["pid"],
        started_at=instant(row["started_at"]),
        last_seen=instant(row["last_seen"]),
        alive=row["alive"],
        seen_ago=timedelta(seconds=row["seen_seconds_ago"]),
        wish=wish_in(row),
        state=state_in(row),
        listening=row["listening"],
        profile=_profile(row),
        running=row["running"],
        oldest_start=utc(row["oldest_start"]),
        clock_ahead=duration(row["clock_ahead"]),
    )


def wish_in(row: Row | Mapping[str, Any]) -> WorkerWish:
    """What a worker is asked for; what this version does not know it does not obey."""
    return _known(WorkerWish, row["wish"]) or WorkerWish.WORK


def state_in(row: Row | Mapping[str, Any]) -> WorkerState | None:
    """What a worker does, where it says so in words that this version knows."""
    return _known(WorkerState, row["state"])


def _known(words: type[_E], text: str | None) -> _E | None:
    return words(text) if text is not None and text in set(words) else None


def _profile(row: Row) -> WorkerProfile | None:
    if row["capacity"] is None:
        return None
    return WorkerProfile(
        task_names=tuple(row["task_names"] or ()),
        chosen=None if row["chosen"] is None else tuple(row["chosen"]),
        queues=None if row["queues"] is None else json.loads(row["queues"]),
        capacity=row["capacity"],
        app_version=row["app_version"],
        library_version=row["library_version"] or "",
    )
