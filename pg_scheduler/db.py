"""The composition root: the one module that names the adapters, as text, imported on use."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, cast

from pg_scheduler.domain.errors import InvalidInput, MissingDependency
from pg_scheduler.domain.urls import plain_url
from pg_scheduler.domain.version import install_command
from pg_scheduler.ports.driver import Driver

_ADAPTERS = {
    "asyncpg": ("pg_scheduler_asyncpg", "AsyncpgDriver", "asyncpg", "pip install asyncpg"),
    "psycopg": (
        "pg_scheduler_psycopg",
        "PsycopgDriver",
        "psycopg",
        install_command("psycopg"),
    ),
}
_LIBRARY_OF_PACKAGE = {"asyncpg": "asyncpg", "psycopg": "psycopg", "psycopg_pool": "psycopg"}
_FRAMEWORKS = {"sqlalchemy": "pg_scheduler_sqlalchemy.sources", "django": "pg_scheduler_django.sources"}
"""They say how to connect, by one of the libraries."""


def driver_over(source: object, *, library: str | None = None, schema: str | None = None) -> Driver:
    """A Driver over whatever people have: a pool, a connection, a DSN, or a Driver already.

    Args:
        source: an asyncpg or psycopg pool or connection; a DSN, also as SQLAlchemy writes it; an AsyncEngine;
            an alias of Django's; or any Driver, returned as it is.
        library: "asyncpg" or "psycopg", for a DSN; by default asyncpg where it is installed.
        schema: where the tables live; None means the first schema of the connection's search path.

    Raises:
        InvalidInput: none of these.
        MissingDependency: the library is not installed.
    """
    if isinstance(source, Driver):
        if schema is not None:
            raise InvalidInput("schema", "is the driver's own business", "Pass it to the driver")
        return source
    if library is not None and library not in _ADAPTERS:
        raise InvalidInput("library", f"unknown {library!r}", "One of: asyncpg, psycopg")
    framework = _framework_of(source)
    if framework is not None:
        return cast(Driver, framework.driver_over(source, schema=schema))
    if (dsn := _dsn_in(source)) is not None:
        return _driver_of_dsn(dsn, library, schema)
    package = type(source).__module__.partition(".")[0]
    for base in type(source).__mro__:
        package = _LIBRARY_OF_PACKAGE.get(base.__module__.partition(".")[0], package)
    if package not in _ADAPTERS:
        raise InvalidInput(
            "db_pool",
            f"cannot work on {type(source).__module__}.{type(source).__qualname__}",
            "Pass an asyncpg or psycopg pool or connection, an AsyncEngine, a DSN, or a Driver",
        )
    return cast(Driver, _adapter(package)(source, schema=schema))


def sync_driver_over(source: object, *, schema: str | None = None) -> Any:
    """A driver for programs without an event loop, over a blocking psycopg connection or pool, an Engine, an
    alias of Django's, or a DSN; or a driver that needs no event loop, as it is.

    Raises:
        InvalidInput: none of these.
        MissingDependency: psycopg is not installed.
    """
    if isinstance(source, Driver) and hasattr(source, "run_now"):
        if schema is not None:
            raise InvalidInput("schema", "is the driver's own business", "Pass it to the driver")
        return source
    framework = _framework_of(source)
    if framework is not None:
        return framework.sync_driver_over(source, schema=schema)
    dsn = _dsn_in(source)
    given = source if dsn is None else plain_url(dsn)[0]
    return _adapter("psycopg", "SyncPsycopgDriver")(given, schema=schema)


def _framework_of(source: object) -> Any:
    """The module that knows such sources. A word may be an alias of Django's, where that is in use."""
    if isinstance(source, str):
        packages = ["django"] if _is_alias(source) else []
    elif hasattr(source, "render_as_string"):
        packages = []
    else:
        packages = [base.__module__.partition(".")[0] for base in type(source).__mro__]
    name = next((_FRAMEWORKS[package] for package in packages if package in _FRAMEWORKS), None)
    return None if name is None else importlib.import_module(name)


def _is_alias(word: str) -> bool:
    database: Any = sys.modules.get("django.db")
    settings: Any = getattr(sys.modules.get("django.conf"), "settings", None)
    if database is None or not (settings.configured or "DJANGO_SETTINGS_MODULE" in os.environ):
        return False
    return word in list(database.connections)


def _dsn_in(source: object) -> str | None:
    """A connection string: as text, or as a URL of SQLAlchemy's, whose text hides the password."""
    if isinstance(source, str):
        return source
    render: Any = getattr(source, "render_as_string", None)
    return None if render is None else str(render(hide_password=False))


def _driver_of_dsn(dsn: str, library: str | None, schema: str | None) -> Driver:
    dsn, named = plain_url(dsn)
    library = library or named
    if not dsn.startswith(("postgresql://", "postgres://")) and "=" not in dsn:
        raise InvalidInput("dsn", "is not a connection string", "Write postgresql://user@host:5432/database")
    if library is None:
        try:
            return cast(Driver, _adapter("asyncpg")(dsn, schema=schema))
        except MissingDependency:
            library = "psycopg"
    return cast(Driver, _adapter(library)(dsn, schema=schema))


def _adapter(library: str, name: str | None = None) -> Any:
    module, usual, dependency, fix = _ADAPTERS[library]
    try:
        return getattr(importlib.import_module(module), name or usual)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (dependency, "psycopg_pool"):
            raise
        raise MissingDependency(f"{library} is not installed. Install it with: {fix}") from error


def __getattr__(name: str) -> Any:
    """`AsyncpgDriver` and `PsycopgDriver`, imported on first use."""
    for library, (_, driver_name, _, _) in _ADAPTERS.items():
        if name == driver_name:
            return _adapter(library)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
