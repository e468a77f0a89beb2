"""django-celery-beat: its tables. What is taken over is switched off there, in the same transaction, and beat
is told; it may go on meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler_import.celery_schedules import OWN, recurring
from pg_scheduler_import.foreign import Refused, Row, identifier, require
from pg_scheduler_import.scheduled import Found, Once, Recurring

TABLE = "django_celery_beat_periodictask"
NEEDED = {
    *("name", "task", "args", "kwargs", "queue", "expires", "enabled", "one_off", "start_time"),
    *("last_run_at", "clocked_id", "crontab_id", "interval_id", "solar_id", "expire_seconds", "headers"),
}


class DjangoCeleryBeat:
    """The periodic tasks of django-celery-beat 2.

    Args:
        schema: where its tables live.
    """

    name = "django-celery-beat"

    def __init__(self, schema: str = "public") -> None:
        self._schema = schema
        self._prefix = f"{identifier('schema', schema)}.django_celery_beat_"

    async def found(self, connection: asyncpg.Connection) -> list[Found]:
        try:
            from celery.schedules import crontab
        except ImportError as error:
            raise ConfigurationError(
                f"Celery says when its schedules are due, and cannot be imported: {error}. Run this command "
                "where Celery is installed"
            ) from error
        await require(connection, self._schema, TABLE, NEEDED, "Its schema is given by --from-schema")
        # One that was to run once and is switched off has run.
        rows = await connection.fetch(
            f"""
            SELECT task.*, interval.every, interval.period, clocked.clocked_time,
                cron.minute, cron.hour, cron.day_of_month, cron.month_of_year, cron.day_of_week, cron.timezone
            FROM {self._prefix}periodictask AS task
            LEFT JOIN {self._prefix}intervalschedule AS interval ON interval.id = task.interval_id
            LEFT JOIN {self._prefix}crontabschedule AS cron ON cron.id = task.crontab_id
            LEFT JOIN {self._prefix}clockedschedule AS clocked ON clocked.id = task.clocked_id
            WHERE task.task <> $1 AND (task.enabled OR NOT task.one_off)
            ORDER BY task.name
            """,
            OWN,
        )
        return [Found(row["name"], row["task"], partial(_read, row, crontab), row["enabled"]) for row in rows]

    async def let_go(self, connection: asyncpg.Connection, one: Found) -> None:
        if not one.state:
            return
        if await self._switch_off(connection, [one]) != "UPDATE 1":
            raise Refused("it was switched off, or renamed, there meanwhile: import again")
        # Beat looks at this time before each step.
        await connection.execute(
            f"INSERT INTO {self._prefix}periodictasks (ident, last_update) "
            "VALUES (1, pg_catalog.clock_timestamp()) "
            "ON CONFLICT (ident) DO UPDATE SET last_update = EXCLUDED.last_update"
        )

    async def in_time(self, connection: asyncpg.Connection) -> bool:
        return True

    async def afterwards(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> None:
        """Beat reads a row and writes the whole of it later: that may have switched one on again."""
        await self._switch_off(connection, [one for one in taken if one.state])

    async def _switch_off(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> str:
        done: str = await connection.execute(
            f"UPDATE {self._prefix}periodictask SET enabled = false, last_run_at = NULL "
            "WHERE name = ANY ($1::text[]) AND enabled",
            [one.source_id for one in taken],
        )
        return done

    async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
        rows = await connection.fetch(
            f"SELECT CASE WHEN enabled THEN 'on' ELSE 'off' END AS state, pg_catalog.count(*) "
            f"FROM {self._prefix}periodictask WHERE task <> $1 GROUP BY 1 ORDER BY 1 DESC",
            OWN,
        )
        return {row["state"]: row["count"] for row in rows}


def _read(row: Row, crontab: Any) -> Recurring | Once:
    if row["expires"] is not None:
        raise Refused(f"it ends at {row['expires']}, and a schedule here does not end by itself")
    args, kwargs = _json(row, "args", list), _json(row, "kwargs", dict)
    queue, notes = row["queue"] or None, list(_notes(row))
    if row["clocked_time"] is not None:
        return Once(row["clocked_time"], args, kwargs, row["expire_seconds"], queue, tuple(notes))
    settings: dict[str, Any] = {"enabled": row["enabled"], "queue": queue}
    if row["expire_seconds"] is not None:
        settings |= {"catch_up": "none", "misfire_grace_time": row["expire_seconds"]}
    made = recurring(
        _schedule(row, crontab),
        args,
        kwargs,
        last=row["last_run_at"],
        start=_future(row["start_time"]),
        settings=settings,
        notes=notes,
    )
    if row["one_off"]:
        return Once(next(iter(made.runs())), args, kwargs, row["expire_seconds"], queue, tuple(notes))
    return made


def _future(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and moment > datetime.now(moment.tzinfo) else None


def _schedule(row: Row, crontab: Any) -> Any:
    if row["solar_id"] is not None:
        raise Refused("there are no solar schedules here")
    if row["every"] is not None:
        from celery.schedules import schedule

        return schedule(timedelta(**{row["period"]: row["every"]}))
    if row["minute"] is None:
        raise Refused("it has no schedule")
    try:
        fields = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
        made = crontab(*(row[field] for field in fields))
        made.tz = ZoneInfo(row["timezone"])
    except (ValueError, KeyError, OSError) as error:
        raise Refused(f"its crontab cannot be read: {error}") from error
    return made


def _json(row: Row, column: str, kind: type) -> Any:
    value = json.loads(row[column] or ("[]" if kind is list else "{}"))
    if not isinstance(value, kind):
        raise Refused(f"its {column} are no {kind.__name__}: {row[column]}")
    return value


def _notes(row: Row) -> Iterator[str]:
    ignored = [name for name in ("exchange", "routing_key", "priority") if row.get(name) is not None]
    if row["headers"] not in (None, "", "{}"):
        ignored.append("headers")
    if ignored:
        yield f"what means nothing here: {', '.join(ignored)}"
