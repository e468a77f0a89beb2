"""Django's connection and its alias stand the cases that every handle must."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from pg_scheduler import InvalidInput, SyncScheduler
from tests.adapters.handles.cases import CASES, closed, stored
from tests.adapters.handles.held import Held, Open


async def mail() -> None: ...


class Atomic:
    """A handle with its atomic block."""

    works_alone = True

    def __init__(self, handle: Any) -> None:
        self.connection = handle

    async def begin(self) -> None:
        self._block = transaction.atomic()
        self._block.__enter__()

    async def run(self, sql: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    async def commit(self) -> None:
        self._block.__exit__(None, None, None)

    async def rollback(self) -> None:
        transaction.set_rollback(True)
        self._block.__exit__(None, None, None)

    async def close(self) -> None:
        connection.close()


def holding(handle: Any) -> Open:
    @asynccontextmanager
    async def opened(dsn: str, at_once: bool) -> AsyncIterator[Held]:
        connection.close()  # it connects anew
        yield Atomic(handle)

    return opened


@pytest.mark.parametrize("handle", [connection, "default"], ids=["connection", "alias"])
async def test_django_stands_every_case(
    django_dsn: str, handle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    scheduler = SyncScheduler(django_dsn)

    async def store(job_id: str, given: object) -> object:
        return scheduler.schedule(mail, job_id=job_id, connection=given)

    for case in CASES:
        if case is not closed:  # Django connects anew by itself
            await case(holding(handle), store, django_dsn)
    connections.close_all()  # those of an event loop are its own
    scheduler.close()


def test_a_connection_of_another_thread_stores_nothing(django_dsn: str) -> None:
    scheduler, wrapper, refused = SyncScheduler(django_dsn), connections["default"], []

    def elsewhere() -> None:
        try:
            scheduler.schedule(mail, connection=wrapper)
        except (DatabaseError, InvalidInput) as error:
            refused.append(error)

    with transaction.atomic():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(refused) == 1
    assert stored(django_dsn) == []
    scheduler.close()
