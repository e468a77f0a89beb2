"""Django's connections around jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections, reset_queries

from pg_scheduler.middleware import Middleware
from pg_scheduler.ports.job_context import JobContext


class DjangoConnections(Middleware):
    """What Django does around each request: connections that are too old or of no use any more are closed, in
    the very thread that has them. So the restart of a server fails no later job, and a thread keeps no
    connection for longer than CONN_MAX_AGE says."""

    async def around(self, job: JobContext, call: Callable[[], Awaitable[Any]]) -> Any:
        """Around all jobs: the thread in which async code uses the ORM."""
        await _renew_in_its_thread()
        try:
            return await call()
        finally:
            await _renew_in_its_thread()

    def around_sync(self, job: JobContext, call: Callable[[], Any]) -> Any:
        """Around plain functions: their own thread."""
        _renew()
        try:
            return call()
        finally:
            _renew()


def _renew() -> None:
    reset_queries()
    close_old_connections()


_renew_in_its_thread = sync_to_async(_renew, thread_sensitive=True)
