"""Sessions on Django's connections, within `transaction.atomic()`."""

from __future__ import annotations

from typing import Any

from pg_scheduler_django.wrappers import connected, wrapper_of
from pg_scheduler_postgres.borrowing import borrowed_session
from pg_scheduler_postgres.session import Session


async def session_on(connection: Any, *, blocking: bool) -> Session:
    """A session on `connection`, ``connections["x"]`` or the alias ``"x"``. It blocks, whoever uses it."""
    return await borrowed_session(connected(wrapper_of(connection)), blocking=True)
