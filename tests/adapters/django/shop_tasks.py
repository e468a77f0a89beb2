"""Tasks of `django.tasks`; importable once Django is set up."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django_tasks import TaskContext, task


class OutOfStock(Exception):
    """Nothing of it is left."""


@task(queue_name="mail", priority=7)
def greet(name: str, *, loud: bool = False) -> dict[str, Any]:
    return {"said": name.upper() if loud else name}


@task(takes_context=True)
def flaky(context: TaskContext, times: int) -> int:
    if context.attempt <= times:
        raise OutOfStock(f"attempt {context.attempt}\nof {times}")
    return context.attempt


@task
async def count_jobs() -> int:
    from asgiref.sync import sync_to_async

    return await sync_to_async(backends_pid)()


@task
def leave() -> None:
    raise SystemExit("enough")


@task
def pid() -> int:
    return backends_pid()


def backends_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found: int = cursor.fetchone()[0]
        return found
