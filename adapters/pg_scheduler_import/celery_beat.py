"""Celery beat: the schedules in an app's settings. They stay there: beat must have stopped, or their entries
be gone, before a worker starts here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import asyncpg

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler_import.celery_schedules import OWN, recurring
from pg_scheduler_import.scheduled import Found, Recurring


class CeleryBeat:
    """The `beat_schedule` of a Celery app, with what `add_periodic_task` has added.

    Args:
        app: the object.
    """

    name = "celery-beat"

    def __init__(self, app: Any) -> None:
        self._app = app

    async def found(self, connection: asyncpg.Connection) -> list[Found]:
        try:
            from celery.schedules import maybe_schedule
        except ImportError as error:
            raise ConfigurationError(f"the app is Celery's, which cannot be imported: {error}") from error
        self._app.finalize(auto=True)  # as beat does, so that signals add their entries
        entries: Mapping[str, Mapping[str, Any]] = self._app.conf.beat_schedule
        return [
            Found(name, entry["task"], partial(_read, entry, partial(maybe_schedule, app=self._app)))
            for name, entry in sorted(entries.items())
            if entry["task"] != OWN
        ]

    async def let_go(self, connection: asyncpg.Connection, one: Found) -> None:
        pass

    async def in_time(self, connection: asyncpg.Connection) -> bool:
        return True

    async def afterwards(self, connection: asyncpg.Connection, taken: Sequence[Found]) -> None:
        pass

    async def left(self, connection: asyncpg.Connection) -> dict[str, int]:
        return {}


def _read(entry: Mapping[str, Any], schedule_of: Any) -> Recurring:
    options = dict(entry.get("options") or {})
    settings = {"queue": options.pop("queue")} if options.get("queue") else {}
    if isinstance(expires := options.get("expires"), int | float):
        del options["expires"]
        settings |= {"catch_up": "none", "misfire_grace_time": int(expires)}
    return recurring(
        schedule_of(entry["schedule"], entry.get("relative", False)),
        entry.get("args") or (),
        entry.get("kwargs") or {},
        settings=settings,
        notes=list(_notes(options)),
    )


def _notes(options: Mapping[str, Any]) -> Iterator[str]:
    if options:
        yield f"options that mean nothing here: {', '.join(sorted(options))}"
