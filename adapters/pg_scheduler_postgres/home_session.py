"""A session at home: in the process, and in the event loop, in which it was opened."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from pg_scheduler.domain.errors import ConfigurationError
from pg_scheduler.ports.event_loops import LoopLock
from pg_scheduler.ports.forks import forget_in_forks, leave_to_parent
from pg_scheduler_postgres.session import Row, Session


class HomeSession:
    """Opens a session anew in each process, and in each event loop after the one before has ended.

    Args:
        make: makes one that is not open.
        given: what somebody gave for it ("pool"), which cannot be made anew.
    """

    def __init__(self, make: Callable[[], Session], given: str | None = None) -> None:
        self._make = make
        self._session = make()
        self._given = given
        self._lost: str | None = None
        """Why what was given cannot be used any more."""
        self._made_in = os.getpid()
        self._home: asyncio.AbstractEventLoop | None = None
        """Where it is open."""
        self._opening = LoopLock()
        forget_in_forks(self, HomeSession._forget_parent)

    async def open(self) -> None:
        here = asyncio.get_running_loop()
        if self._home is here:
            return
        async with self._opening:
            if self._home is not here:
                await self._here().open()
                self._home = here

    async def close(self) -> None:
        self._leave_what_ended()
        if self._lost is None:
            await self._session.close()
        self._home = None

    def _here(self) -> Session:
        """The session for this event loop."""
        self._leave_what_ended()
        if self._lost is not None:
            raise ConfigurationError(self._lost)
        return self._session

    def _leave_what_ended(self) -> None:
        if self._home is None or self._home is asyncio.get_running_loop():
            return
        # What was given may serve there again.
        if self._home.is_running() or (self._given is not None and not self._home.is_closed()):
            raise ConfigurationError(
                "this client is in use in another event loop, which has not ended: call it there (from a "
                "thread beside it: asyncio.run_coroutine_threadsafe()), or make another client for this one"
            )
        self._begin_anew(
            f"the {self._given} was used in an event loop that has ended, and serves in no other: make the "
            f"{self._given}, and the client over it, within the event loop, or give a connection string"
        )

    def _forget_parent(self) -> None:
        leave_to_parent(self._session)
        self._begin_anew(
            f"the {self._given} was given in process {self._made_in}, of which this one is a fork: both "
            f"would talk over one connection. Make the {self._given}, and the client over it, anew after the "
            "fork, or give a connection string"
        )

    def _begin_anew(self, why_not: str) -> None:
        self._home = None
        if self._given is None:
            self._session = self._make()
        else:
            self._lost = why_not

    # --- what it is asked for

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> Sequence[Row]:
        return await self._here().fetch(sql, args)

    async def script(self, sql: str) -> None:
        await self._here().script(sql)

    async def copy(self, schema: str, table: str, columns: Sequence[str], chunks: Iterable[bytes]) -> None:
        await self._here().copy(schema, table, columns, chunks)

    def transaction(self) -> AbstractAsyncContextManager[Session]:
        return self._here().transaction()

    @property
    def blocking(self) -> bool:
        return self._session.blocking

    def in_transaction(self) -> bool:
        return self._session.in_transaction()

    def owner_in_transaction(self) -> bool:
        return self._lost is None and self._session.owner_in_transaction()

    async def listen(
        self, channel: str, on_payload: Callable[[str], None], on_ready: Callable[[], None]
    ) -> None:
        await self._here().listen(channel, on_payload, on_ready)

    def call(self, who: str) -> None:
        self._session.call(who)

    def dedicated(self, purpose: str) -> Session:
        return self._session.dedicated(purpose)
