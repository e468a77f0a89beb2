"""APScheduler 3: the jobs of a scheduler that is not running: those that its code adds, and those in its
SQLAlchemyJobStores.

Its stores are not asked for their jobs: they delete what cannot be unpickled, and this program may lack a
module that the other one has. So their rows are read.
"""

from __future__ import annotations

import math
import pickle
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler_import.apscheduler_triggers import is_single, rule_of
from pg_scheduler_import.foreign import Refused, identifier, number_in
from pg_scheduler_import.scheduled import Found, Once, Recurring

HERE = "SELECT pg_catalog.current_database() || ' ' || pg_catalog.pg_postmaster_start_time()::text"
"""Tells one database of one server from every other."""
_MADE_UP = re.compile(r"[0-9a-f]{32}")
"""The id of a job that its code gave none: another one at each start."""
NOW = "extract(EPOCH FROM pg_catalog.clock_timestamp())::double precision"
LEAD, SURE = 0.3, 10.0
"""Seconds before a job is due in which it is left there, as this may take so long; and after that: by then a
scheduler that runs would have written that it has run it."""
ADDED_BY_CODE = "its code adds it there at each start: take that out"


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where a job stands in this database."""

    table: str
    next_run_time: float | None


class APScheduler3:
    """The jobs of a scheduler of APScheduler 3.

    Args:
        scheduler: the object, not running.
    """

    name = "apscheduler"

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._tables: list[str] = []
        self._earliest = math.inf

    async def found(self, connection: asyncpg.Connection) -> list[Found]:
        if self._scheduler.running:
            raise ConfigurationError(
                "the scheduler of APScheduler is running: its module starts it when it is imported, so its "
                'jobs would run in this command. Start it below `if __name__ == "__main__":`'
            )
        self._tables = []
        here = str(await connection.fetchval(HERE))
        jobs: dict[str, Found] = {}
        # Only a scheduler that runs tells its stores and defaults, and starting it would store what its code
        # adds.
        for alias, store in self._scheduler._jobstores.items():
            jobs |= {one.source_id: one for one in await self._stored(connection, alias, store, here)}
        for job in self._scheduler.get_jobs():
            one = _of_code(job, self._scheduler._job_defaults)
            jobs.setdefault(one.source_id, one)
        return [jobs[name] for name in sorted(jobs)]

    async def _stored(
        self, connection: asyncpg.Connection, alias: str, store: Any, here: str
    ) -> Sequence[Found]:
        kind = type(store).__name__
        if kind == "MemoryJobStore":
            return []  # empty before its scheduler runs
        if kind != "SQLAlchemyJobStore":
            raise ConfigurationError(
                f"its job store {alias!r} is a {kind}: what can be imported is in a SQLAlchemyJobStore, or "
                "added by the code. Move its jobs first (scheduler.export_jobs, import_jobs)"
            )
        jobs, engine, kept = store.jobs_t, store.engine, False
        with engine.connect() as theirs:
            if not engine.dialect.has_table(theirs, jobs.name, schema=jobs.schema):
                return []
            if engine.dialect.name == "postgresql":
                kept = theirs.exec_driver_sql(HERE).scalar() == here
            rows = theirs.execute(jobs.select()).mappings().all()
        table = identifier("table", jobs.name)
        if jobs.schema:
            table = f"{identifier('schema', jobs.schema)}.{table}"
        if kept:
            self._tables.append(table)
        return [_of_row(row, _Kept(table, row["next_run_time"]) if kept else None) for row in rows]

    async def let_go(self, connection: asyncpg.Connection, one: Found) -> None:
        if not isinstance(one.state, _Kept):
            return
        # Its scheduler runs what is due before it writes that, and holds no lock meanwhile: what is due, or
        # will be before this is committed, stays.
        due = one.state.next_run_time
        gone = await connection.fetchval(
            f"DELETE FROM {one.state.table} WHERE id = $1 AND next_run_time IS NOT DISTINCT FROM $2 "
            f"AND next_run_time - {NOW} BETWEEN $3 AND $4 IS NOT TRUE RETURNING 1",
            one.source_id,
            due,
            -SURE,
            LEAD,
        )
        if gone is None:
            raise Refused("it has run there meanwhile, or is about to: import again")
        if due is not None and due > time.time():
            self._earliest = min(self._earliest, due)

    async def in_time(self, connection: asyncpg.Connection) -> bool:
        return bool(await connection.fetchval(f"SELECT {NOW} < $1::double precision", self._earliest))

    async def afterwards(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> None:
        pass

    async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
        numbers = [await number_in(connection, table) for table in self._tables]
        return {"stored": sum(numbers)} if numbers else {}


def _of_row(row: Mapping[str, Any], kept: _Kept | None) -> Found:
    try:
        state: dict[str, Any] = pickle.loads(row["job_state"])
    except Exception as error:
        return Found(row["id"], "", partial(_unreadable, f"{type(error).__name__}: {error}"), kept)
    notes = () if kept else ("its store is another database: stop its scheduler before a worker starts here",)
    return Found(row["id"], state["func"], partial(_read, state, notes), kept)


def _of_code(job: Any, defaults: Mapping[str, Any]) -> Found:
    # What a job was not given, its scheduler adds when it starts.
    state = {"func": job.func_ref, "executor": "default", **defaults}
    names = ("trigger", "args", "kwargs", "executor", *defaults)
    state |= {name: getattr(job, name) for name in names if hasattr(job, name)}
    # None is a job that was added paused.
    state["next_run_time"] = getattr(job, "next_run_time", job.trigger.get_next_fire_time(None, _now()))
    name = f"{job.func_ref} {job.trigger}" if _MADE_UP.fullmatch(job.id) else job.id
    return Found(name, job.func_ref or job.name, partial(_read, state, (ADDED_BY_CODE,)))


def _unreadable(reason: str) -> Recurring | Once:
    raise Refused(f"it cannot be read here: {reason}")


def _now() -> datetime:
    return datetime.now(UTC)


def _read(state: Mapping[str, Any], notes: tuple[str, ...]) -> Recurring | Once:
    """What a job means."""
    if not state["func"]:
        raise Refused("its function has no name by which a worker could find it")
    trigger, goes_on_at, grace = state["trigger"], state["next_run_time"], state["misfire_grace_time"]
    if is_single(trigger):
        if goes_on_at is None:
            raise Refused("it is paused, and a single run cannot be")
        return Once(goes_on_at, state["args"], state["kwargs"], grace, notes=notes)
    exact, jitter = _without_jitter(trigger)
    first = goes_on_at
    if first is None or jitter:
        first = exact.get_next_fire_time(None, _now())
    if first is None:
        raise Refused("it has no next run")
    most = state["max_instances"]
    return Recurring(
        rule_of(trigger, first),
        state["args"],
        state["kwargs"],
        partial(_runs, exact, first),
        {
            **catching_up(state["coalesce"], grace),
            "overlap": "skip" if most == 1 else "allow",
            "jitter": timedelta(seconds=jitter),
            "enabled": goes_on_at is not None,
        },
        goes_on_at and first,
        (*notes, *notes_of(most, state["executor"])),
    )


def _without_jitter(trigger: Any) -> tuple[Any, float]:
    jitter = getattr(trigger, "jitter", None) or 0
    if jitter:
        trigger = copy(trigger)
        trigger.jitter = None
    return trigger, jitter


def _runs(trigger: Any, first: datetime) -> Iterator[datetime]:
    moment: datetime | None = first
    while moment is not None:
        yield moment
        moment = trigger.get_next_fire_time(moment, moment + timedelta(microseconds=1))


def catching_up(coalesce: bool, grace: float | None) -> dict[str, Any]:
    """Which missed runs are made up for. There the grace decides: what is later than that never runs."""
    if grace is not None:
        return {"catch_up": "none", "misfire_grace_time": max(math.ceil(grace), 1)}
    return {"catch_up": "latest" if coalesce else "all", "misfire_grace_time": None}


def notes_of(most: int | None, executor: str) -> Iterator[str]:
    """What the task has to say here."""
    if most is not None and most > 1:
        yield f"at most {most} at once there: give the task concurrency_limit={most}"
    if executor != "default":
        yield f"executor {executor!r} there: give the task executor="
