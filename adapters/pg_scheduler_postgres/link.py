"""A session together with the statements of the schema it works in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pg_scheduler.domain.errors import SchemaError
from pg_scheduler_postgres.session import Row, Session
from pg_scheduler_postgres.statements import Statements, checked_identifier


class Link:
    """Runs packaged statements by name. The schema is the chosen one, or the first of the connection's
    search path as it is at `open`; from then on every statement names it, so that neither another
    search path nor a same-named table elsewhere can mislead it."""

    def __init__(self, session: Session, schema: str | None = None) -> None:
        self.session = session
        self._chosen = None if schema is None else checked_identifier("schema", schema)
        self._statements: Statements | None = None

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
        if self._statements is None:
            raise SchemaError("the driver is not open: await driver.open() first")
        return self._statements

    async def open(self) -> None:
        """Connect and settle on the schema. Idempotent."""
        if self._statements is not None:
            return
        await self.session.open()
        schema = self._chosen
        if schema is None:
            schema = (await self.session.fetch("SELECT current_schema() AS name"))[0]["name"]
        if schema is None:
            raise SchemaError("the connection's search_path names no existing schema: pass schema=...")
        self._statements = Statements(schema)

    async def close(self) -> None:
        """Close the session."""
        self._statements = None
        await self.session.close()

    async def run(self, statement: str, session: Session | None = None, **values: Any) -> Sequence[Row]:
        """The rows of a packaged statement; on `session` if given, else on the driver's own."""
        pinned = values.get("now") is not None
        statements = self.statements
        compiled = statements.pinned(statement) if pinned else statements.unpinned(statement)
        values |= statements.channels
        return await (session or self.session).fetch(compiled.sql, compiled.bind(values))
