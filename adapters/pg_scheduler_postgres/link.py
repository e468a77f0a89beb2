"""A session together with the statements of the schema it works in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pg_scheduler.domain.errors import SchemaError
from pg_scheduler_postgres.borrowing import borrowed_session
from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.statements import Statements, checked_identifier

FIND_SCHEMA = """
WITH path AS (
    SELECT pg_catalog.btrim(part, ' "') AS name, place
      FROM pg_catalog.pg_settings AS setting,
           pg_catalog.unnest(pg_catalog.string_to_array(setting.reset_val, ','))
               WITH ORDINALITY AS listed (part, place)
     WHERE setting.name = 'search_path'
), at_first AS (
    SELECT namespace.nspname AS name
      FROM path
      JOIN pg_catalog.pg_namespace AS namespace
        ON namespace.nspname = CASE path.name WHEN '$user' THEN CURRENT_USER ELSE path.name END
     WHERE pg_catalog.has_schema_privilege(namespace.oid, 'USAGE')
     ORDER BY path.place
     LIMIT 1
), candidate AS (
    SELECT COALESCE($1::text, pg_catalog.current_schema()::text) AS name
    UNION
    SELECT COALESCE($1::text, (SELECT name::text FROM at_first))
)
SELECT candidate.name
  FROM candidate
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.nspname = candidate.name
 WHERE EXISTS (
        SELECT 1
          FROM pg_catalog.pg_class
         WHERE relnamespace = namespace.oid AND relname = 'scheduled_jobs' AND relkind IN ('r', 'p')
       )
"""
"""The schemas that hold the tables, of these: the chosen one; else the first of the search path as it is, and
as it was when the connection was made. What the caller has SET since need not be where the jobs belong."""


class Link:
    """Runs packaged statements by name. The schema is the chosen one, or the first of the connection's
    search path as it is at `open`; from then on every statement names it, so that neither another
    search path nor a same-named table elsewhere can mislead it."""

    def __init__(self, session: Session, schema: str | None = None) -> None:
        self.session = session
        self._chosen = None if schema is None else checked_identifier("schema", schema)
        self._statements: Statements | None = None
        self._callers: Statements | None = None
        """Those for callers' connections, while this link is not open."""

    def on_session(self, session: Session) -> Link:
        """The same schema on another session."""
        other = Link(session, self._chosen)
        other._statements = self.statements
        return other

    @property
    def known_schema(self) -> str | None:
        """The schema as far as it is known: before `open`, the chosen one."""
        return self._chosen if self._statements is None else self._statements.schema

    @property
    def statements(self) -> Statements:
        """The statements; only once opened."""
        statements = self._statements or self._callers
        if statements is None:
            raise SchemaError("the driver is not open: await driver.open() first")
        return statements

    async def open(self) -> None:
        """Connect and settle on the schema. Idempotent; connects anew in another event loop or process."""
        await self.session.open()
        if self._statements is not None:
            return
        schema = self._chosen
        if schema is None:
            schema = (await self.session.fetch("SELECT pg_catalog.current_schema() AS name"))[0]["name"]
        if schema is None:
            raise SchemaError("the connection's search_path names no existing schema: pass schema=...")
        self._statements = Statements(schema)

    async def open_for(self, connection: object) -> bool:
        """Settle on the schema for callers' connections, by asking one of them. False if the tables are not
        where either its search path leads or it led when the connection was made, or in both."""
        if self._statements is None and self._callers is None:
            session = await self.borrowed(connection)
            found = await session.fetch(FIND_SCHEMA, [self._chosen])
            if len(found) == 1:
                self._callers = Statements(found[0]["name"])
        return self._statements is not None or self._callers is not None

    async def borrowed(self, connection: object) -> Session:
        """A session on a caller's connection, within whatever transaction that has open.

        Raises:
            InvalidInput: nobody could work on it, or nobody who blocks as this link's session does.
        """
        return await borrowed_session(connection, blocking=self.session.blocking)

    async def close(self) -> None:
        """Close the session."""
        self._statements = self._callers = None
        await self.session.close()

    async def run(self, statement: str, session: Session | None = None, **values: Any) -> Sequence[Row]:
        """The rows of a packaged statement; on `session` if given, else on the driver's own."""
        pinned = values.get("now") is not None
        statements = self.statements
        compiled = statements.pinned(statement) if pinned else statements.unpinned(statement)
        values |= statements.channels
        return await (session or self.session).fetch(compiled.sql, compiled.bind(values))
