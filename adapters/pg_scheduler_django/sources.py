"""Drivers over what Django knows of a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from pg_scheduler.ports.driver import Driver
from pg_scheduler_django.wrappers import connected, wrapper_of
from pg_scheduler_psycopg import PsycopgDriver, SyncPsycopgDriver
from pg_scheduler_psycopg.lending import OwnersConnection

_OF_PSYCOPG = {"cursor_factory", "context", "prepare_threshold", "client_encoding"}


def driver_over(source: Any, *, schema: str | None) -> Driver:
    """A driver over connections of its own, with the settings that Django has at this moment: those of its
    test database within tests."""
    return PsycopgDriver(url_of(source), schema=schema)


def sync_driver_over(source: Any, *, schema: str | None) -> SyncPsycopgDriver:
    """A driver on Django's own connection of whatever thread calls: within `atomic()` in its transaction,
    elsewhere each call commits by itself."""
    return SyncPsycopgDriver(ThreadsConnection(wrapper_of(source).alias), schema=schema)


def url_of(source: Any) -> str:
    """The connection string of an alias, as either library reads it."""
    given = {k: v for k, v in wrapper_of(source).get_connection_params().items() if k not in _OF_PSYCOPG}
    user = quote(str(given.pop("user", "")), safe="")
    password = quote(str(given.pop("password", "")), safe="")
    database = quote(str(given.pop("dbname", "")), safe="")
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = urlencode({name: value for name, value in given.items() if value not in (None, "")})
    return f"postgresql://{login}/{database}" + (f"?{query}" if query else "")


class ThreadsConnection(OwnersConnection):
    """Django's connection of the present thread, made or made anew as Django does it."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    @property
    def connection(self) -> Any:  # type: ignore[override]
        """The library's connection below."""
        return connected(wrapper_of(self._alias))

    @contextmanager
    def lend(self) -> Iterator[Any]:
        yield self.connection
