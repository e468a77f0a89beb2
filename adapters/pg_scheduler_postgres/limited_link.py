"""A link whose questions end in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pg_scheduler.domain.errors import DatabaseError, QuestionTimedOut
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.statements import Statements

_CANCELLED = "57014"
_LIMIT = "SELECT pg_catalog.set_config('statement_timeout', $1::text, true)"


class LimitedLink(Link):
    """The same session and statements as another link's. What runs in a transaction of its own is cancelled
    by the server after so long; the limit holds for that transaction alone, so that it works behind every
    pooler. What runs in somebody else's transaction has that transaction's limits."""

    def __init__(self, link: Link, limit: timedelta) -> None:
        self._link = link
        self._limit = limit
        self.session = link.session

    @property
    def known_schema(self) -> str | None:
        return self._link.known_schema

    @property
    def statements(self) -> Statements:
        return self._link.statements

    def on_session(self, session: Session) -> Link:
        return self._link.on_session(session)

    async def open(self) -> None:
        await self._link.open()

    async def open_for(self, connection: object) -> bool:
        return await self._link.open_for(connection)

    async def close(self) -> None:
        await self._link.close()

    async def run(self, statement: str, session: Session | None = None, **values: Any) -> Sequence[Row]:
        if session is not None or self.session.in_transaction():
            return await self._link.run(statement, session, **values)
        milliseconds = str(max(round(self._limit.total_seconds() * 1000), 1))
        try:
            async with self.session.transaction() as transaction:
                await transaction.fetch(_LIMIT, [milliseconds])
                return await self._link.run(statement, transaction, **values)
        except DatabaseError as error:
            if error.sqlstate == _CANCELLED:
                raise QuestionTimedOut(self._limit) from error
            raise
