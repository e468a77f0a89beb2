"""APScheduler 4 (a pre-release): the schedules in the data store of a Scheduler or AsyncScheduler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import asyncpg

from pg_scheduler_import.apscheduler import HERE, catching_up, notes_of
from pg_scheduler_import.apscheduler_triggers import is_single, rule_of
from pg_scheduler_import.foreign import Refused, identifier, number_in
from pg_scheduler_import.scheduled import Found, Once, Recurring


@dataclass(frozen=True, slots=True)
class _Kept:
    """It stands in this database, and was due then."""

    next_fire_time: datetime | None


class APScheduler4:
    """The schedules of a scheduler of APScheduler 4.

    Args:
        scheduler: the object, not running.
    """

    name = "apscheduler"

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._table: str | None = None

    async def found(self, connection: asyncpg.Connection) -> list[Found]:
        here = str(await connection.fetchval(HERE))
        async with _opened(self._scheduler) as (schedules, tasks):
            self._table = await _table_here(self._scheduler.data_store, here)
        notes = () if self._table else ("its store is not this database: stop it before a worker starts",)
        return [
            Found(
                one.id,
                tasks[one.task_id].func or one.task_id,
                partial(_read, one, tasks[one.task_id], notes),
                _Kept(one.next_fire_time) if self._table else None,
            )
            for one in sorted(schedules, key=lambda one: one.id)
        ]

    async def let_go(self, connection: asyncpg.Connection, one: Found) -> None:
        if not isinstance(one.state, _Kept):
            return
        # While one of its schedulers has acquired it, a run may begin.
        gone = await connection.fetchval(
            f"DELETE FROM {self._table} WHERE id = $1 AND acquired_by IS NULL "
            "AND next_fire_time IS NOT DISTINCT FROM $2 RETURNING 1",
            one.source_id,
            one.state.next_fire_time,
        )
        if gone is None:
            raise Refused("it is in use, or has run, there: import again")

    async def in_time(self, connection: asyncpg.Connection) -> bool:
        return True

    async def afterwards(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> None:
        pass

    async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
        if self._table is None:
            return {}
        return {"stored": await number_in(connection, self._table)}


@asynccontextmanager
async def _opened(scheduler: Any) -> AsyncIterator[tuple[Sequence[Any], Mapping[str, Any]]]:
    """Its schedules and tasks; within the block its store is open. It runs nothing."""
    if hasattr(scheduler, "__aenter__"):
        async with scheduler:
            tasks = await scheduler.get_tasks()
            yield await scheduler.get_schedules(), {task.id: task for task in tasks}
    else:
        with scheduler:
            tasks = scheduler.get_tasks()
            yield scheduler.get_schedules(), {task.id: task for task in tasks}


async def _table_here(store: Any, here: str) -> str | None:
    """Its table of schedules, if that is in the database that `HERE` told."""
    if type(store).__name__ != "SQLAlchemyDataStore":
        return None
    engine = store._engine  # made by the store, where it was given an address
    if engine.dialect.name != "postgresql":
        return None
    if hasattr(engine, "sync_engine"):
        async with engine.connect() as theirs:
            there = (await theirs.exec_driver_sql(HERE)).scalar()
    else:
        with engine.connect() as theirs:
            there = theirs.exec_driver_sql(HERE).scalar()
    schema = f"{identifier('schema', store.schema)}." if store.schema else ""
    return f'{schema}"schedules"' if there == here else None


def _read(one: Any, task: Any, notes: tuple[str, ...]) -> Recurring | Once:
    """What a schedule means."""
    if task.func is None:
        raise Refused("its task has no function by whose name a worker could find it")
    first, grace = one.next_fire_time, one.misfire_grace_time
    seconds = None if grace is None else grace.total_seconds()
    if first is None:
        raise Refused("it has no next run")
    if is_single(one.trigger):
        if one.paused:
            raise Refused("it is paused, and a single run cannot be")
        return Once(first, one.args, one.kwargs, None if seconds is None else int(seconds), notes=notes)
    most = task.max_running_jobs
    return Recurring(
        rule_of(one.trigger, first),
        one.args,
        one.kwargs,
        partial(_runs, one.trigger, first),
        {
            **catching_up(one.coalesce.name != "all", seconds),
            "overlap": "wait" if most == 1 else "allow",
            "jitter": one.max_jitter or timedelta(0),
            "enabled": not one.paused,
        },
        None if one.paused else first,
        (*notes, *notes_of(most, "default")),
    )


def _runs(trigger: Any, first: datetime) -> Iterator[datetime]:
    """A trigger that is stored has said its next run already."""
    yield first
    walk = deepcopy(trigger)
    while (moment := walk.next()) is not None:
        yield moment
