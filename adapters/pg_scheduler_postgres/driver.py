"""The Driver port over any session."""

from __future__ import annotations

from pg_scheduler_postgres.completing import PostgresCompletions
from pg_scheduler_postgres.insight import PostgresInsight
from pg_scheduler_postgres.jobs import PostgresJobs
from pg_scheduler_postgres.limits import PostgresLimits
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.locks import PostgresLocks
from pg_scheduler_postgres.migrations import PostgresSchema
from pg_scheduler_postgres.retention import PostgresRetention
from pg_scheduler_postgres.schedules import PostgresSchedules
from pg_scheduler_postgres.session import Session
from pg_scheduler_postgres.signals import PostgresSignals


class PostgresDriver(
    PostgresJobs,
    PostgresCompletions,
    PostgresSchedules,
    PostgresLimits,
    PostgresLocks,
    PostgresRetention,
    PostgresSignals,
    PostgresInsight,
    PostgresSchema,
):
    """All parts of the port on one link; asyncpg and psycopg differ in the session alone."""

    def __init__(self, session: Session, *, schema: str | None = None) -> None:
        self._link = Link(session, schema)

    @property
    def schema(self) -> str:
        """The schema that holds the tables; known once opened."""
        return self._link.statements.schema

    async def open(self) -> None:
        await self._link.open()

    async def close(self) -> None:
        await self._link.close()

    def dedicated(self) -> PostgresDriver:
        return PostgresDriver(self._link.session.dedicated(), schema=self.schema)
