"""From what people write to Django's connection of the present thread."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.db import connections
from django.db.utils import ConnectionDoesNotExist, DatabaseError, InterfaceError
from django.utils.connection import ConnectionProxy

from pg_scheduler.domain.errors import ConnectionLost, InvalidInput


def wrapper_of(given: Any) -> Any:
    """Django's connection for an alias, or for what `connection` and `connections` give.

    Raises:
        InvalidInput: there is no such alias, or it is no PostgreSQL.
    """
    wrapper = given
    if isinstance(given, str | ConnectionProxy):
        alias = given if isinstance(given, str) else given.alias
        try:
            wrapper = connections[alias]
        except ConnectionDoesNotExist:
            known = ", ".join(sorted(connections))
            raise InvalidInput("connection", f"no alias {alias!r} in DATABASES", f"It has: {known}") from None
        except ImproperlyConfigured as error:
            raise InvalidInput("connection", f"Django cannot say what {alias!r} is: {error}") from error
    if wrapper.vendor != "postgresql":
        raise InvalidInput("connection", f"{wrapper.alias!r} is {wrapper.vendor}", "Jobs need PostgreSQL")
    return wrapper


def connected(wrapper: Any) -> Any:
    """The library's own connection below, made if need be.

    Raises:
        InvalidInput: this thread runs an event loop, or the connection belongs to another one.
        ConnectionLost: the server cannot be reached.
    """
    try:
        wrapper.validate_thread_sharing()
        wrapper.ensure_connection()
    except SynchronousOnlyOperation:
        raise InvalidInput(
            "connection",
            "Django's connections cannot be used where an event loop runs",
            "Store the job in a plain function, by SyncScheduler: await sync_to_async(function)()",
        ) from None
    except (DatabaseError, InterfaceError) as error:
        if "thread" in str(error):
            raise InvalidInput("connection", "belongs to another thread", "Pass its alias instead") from error
        raise ConnectionLost(str(error)) from error
    return wrapper.connection
