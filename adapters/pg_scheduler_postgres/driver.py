"""The Driver port over any session."""

from __future__ import annotations

from datetime import timedelta

from pg_scheduler_postgres.completing import PostgresCompletions
from pg_scheduler_postgres.insight import PostgresInsight
from pg_scheduler_postgres.jobs import PostgresJobs
from pg_scheduler_postgres.limited_link import LimitedLink
from pg_scheduler_postgres.limits import PostgresLimits
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.locks import PostgresLocks
from pg_scheduler_postgres.migrations import PostgresSchema
from pg_scheduler_postgres.minutes import PostgresMinutes
from pg_scheduler_postgres.retention import PostgresRetention
from pg_scheduler_postgres.schedules import PostgresSchedules
from pg_scheduler_postgres.session import Session
from pg_scheduler_postgres.signals import PostgresSignals
from pg_scheduler_postgres.steering import PostgresSteering


class PostgresDriver:
    """All parts of the port on one link; asyncpg and psycopg differ in the session alone."""

    def __init__(self, session: Session, *, schema: str | None = None) -> None:
        self._work_on(Link(session, schema))

    def _work_on(self, link: Link) -> None:
        self.link = link
        self.jobs = PostgresJobs(self.link)
        self.completions = PostgresCompletions(self.link)
        self.schedules = PostgresSchedules(self.link)
        self.limits = PostgresLimits(self.link)
        self.locks = PostgresLocks(self.link)
        self.retention = PostgresRetention(self.link)
        self.signals = PostgresSignals(self.link)
        self.insight = PostgresInsight(self.link)
        self.steering = PostgresSteering(self.link)
        self.minutes = PostgresMinutes(self.link)
        self.schema = PostgresSchema(self.link)

    @property
    def schema_name(self) -> str:
        """The schema that holds the tables; known once opened."""
        return self.link.statements.schema

    async def open(self) -> None:
        await self.link.open()

    async def open_for(self, connection: object) -> bool:
        return await self.link.open_for(connection)

    async def close(self) -> None:
        await self.link.close()

    def name_connections(self, who: str) -> None:
        self.link.session.call(who)

    def dedicated(self) -> PostgresDriver:
        return PostgresDriver(self.link.session.dedicated("leases"), schema=self.link.known_schema)

    def within(self, limit: timedelta) -> PostgresDriver:
        twin = object.__new__(PostgresDriver)
        twin._work_on(LimitedLink(self.link, limit))
        return twin
