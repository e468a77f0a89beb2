"""Creating, upgrading and healing the tables."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

from pg_scheduler.domain.errors import SchemaError, TransientDatabaseError
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres.catalog import WANTED
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.migration_steps import SchemaChange, all_migrations, gone_tables, steps
from pg_scheduler_postgres.session import Session
from pg_scheduler_postgres.statements import quoted

log = logging.getLogger("pg_scheduler.postgres.migrations")

LOCK_TIMEOUT, TRIES = "1s", 300
"""So long a migration waits for a lock, and holds up everybody behind it; and how often it tries, about a
second apart."""

_PASSING = ("55P03", "40P01", "40001")
"""A lock that was not to be had in time, a deadlock, a serialization failure."""


class PostgresSchema:
    """`Schema` over a link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def status(self) -> SchemaStatus:
        return await self._status(self._link.session)

    async def _status(self, session: Session) -> SchemaStatus:
        relations: list[str] = []
        attributes: list[str | None] = []
        for relation, columns in WANTED.items():
            for column in columns or (None,):
                relations.append(relation)
                attributes.append(column)
        rows = await self._link.run(
            "missing_objects",
            session,
            schema_name=self._link.statements.schema,
            relations=relations,
            attributes=attributes,
        )
        missing = tuple(row["name"] for row in rows)
        version = 0
        if "scheduled_job_migrations.version" not in missing:
            version = (await self._link.run("installed_version", session))[0]["version"]
        return SchemaStatus(
            schema=self._link.statements.schema,
            version=version,
            latest=all_migrations()[-1].version,
            missing=missing,
            within_transaction=session.in_transaction(),
        )

    async def install(self) -> None:
        for left in reversed(range(TRIES)):
            if (await self.status()).current:
                return
            try:
                await self._install()
            except TransientDatabaseError as error:
                if left == 0 or error.sqlstate not in _PASSING:
                    raise
                log.warning("the tables of schema %r are in use; trying again", self._link.statements.schema)
                await self._link.session.fetch("SELECT pg_catalog.pg_sleep(0.5 + pg_catalog.random() / 2)")
        self._check((await self.status()).missing, ())

    async def _install(self) -> None:
        schema = self._link.statements.schema
        own = not self._link.session.in_transaction()
        async with self._link.session.transaction() as transaction:
            if own:
                # Another default's snapshot would be older than the lock that is waited for below.
                await transaction.fetch("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            # Whoever comes while an ALTER waits for its lock waits behind it: all workers, all producers.
            await transaction.fetch(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            # Replicas that start together queue here; who comes second finds the work done.
            await transaction.fetch(
                "SELECT pg_catalog.pg_advisory_xact_lock($1::bigint)", [_lock_key(schema)]
            )
            status = await self._status(transaction)
            if status.current:
                return
            # IF NOT EXISTS alone would ask for the right to create schemas even where it exists.
            if not await transaction.fetch(
                "SELECT 1 AS found FROM pg_catalog.pg_namespace WHERE nspname = $1::text", [schema]
            ):
                await transaction.script(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            await self._link.run("create_ledger", transaction)
            later: list[SchemaChange] = []
            try:
                later = await self._migrate(transaction, status, own)
            except SchemaError as error:
                raise _incomplete(schema, str(error.__cause__)) from error
            self._check((await self._status(transaction)).missing, later)
        await self._build(later)

    async def _migrate(self, transaction: Session, status: SchemaStatus, own: bool) -> list[SchemaChange]:
        """Everything but the indexes that are built concurrently, once this is committed."""
        gone = gone_tables(status)
        later: list[SchemaChange] = []
        for migration in steps(status):
            indexes = migration.later_indexes(gone) if own else ()
            later += indexes
            changes = [change for change in migration.changes if change not in indexes]
            for index in (change for change in migration.changes if change.index):
                await self._drop_broken(transaction, index)
            schema = self._link.statements.schema
            if changes:
                await transaction.script("".join(f"{change.sql(schema)};\n" for change in changes))
            if migration.whole:
                await self._link.run(
                    "record_migration", transaction, version=migration.version, name=migration.name
                )
        return later

    async def _drop_broken(self, transaction: Session, index: SchemaChange) -> None:
        """Drop an index that somebody has begun and not completed, who then is gone: while he builds, nobody
        gets the lock on the table."""
        schema, table = self._link.statements.schema, index.indexed_table
        find = {"schema_name": schema, "index_name": index.index}
        if await self._link.run("broken_index", transaction, **find):
            await transaction.script(f"LOCK TABLE {quoted(schema)}.{table} IN SHARE UPDATE EXCLUSIVE MODE")
            if await self._link.run("broken_index", transaction, **find):
                await transaction.script(f"DROP INDEX {quoted(schema)}.{index.index}")

    async def _build(self, indexes: Sequence[SchemaChange]) -> None:
        """Indexes on tables in use: nobody waits for them, but they wait for the transactions of others. Two
        that build at once on one table may meet in a deadlock; then one of them tries again, as above."""
        schema = self._link.statements.schema
        for index in indexes:
            log.info("building the index %s of schema %r concurrently", index.index, schema)
            await self._link.session.script(index.sql(schema, concurrently=True))
        if indexes:
            async with self._link.session.transaction() as transaction:
                await transaction.fetch(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                # Somebody else who builds one of them has this lock; until he is done, it counts as missing.
                for table in sorted({str(index.indexed_table) for index in indexes}):
                    await transaction.script(
                        f"LOCK TABLE {quoted(schema)}.{table} IN SHARE UPDATE EXCLUSIVE MODE"
                    )
                # What he gave up, as in that deadlock, or has dropped to build it anew, is missing still: the
                # next try sees to it.
                self._check((await self._status(transaction)).missing, indexes)

    def _check(self, missing: Iterable[str], later: Iterable[SchemaChange]) -> None:
        built_later = {change.index for change in later}
        if left := [name for name in missing if name not in built_later]:
            raise _incomplete(self._link.statements.schema, ", ".join(left))

    async def uninstall(self) -> None:
        await self._link.run("uninstall")


def _incomplete(schema: str, what: str) -> SchemaError:
    return SchemaError(
        f"schema {schema!r} holds tables of these names that cannot be completed: {what}. If they are "
        "somebody else's, choose another schema; else restore what is missing, or rename the tables and "
        "install again"
    )


def _lock_key(schema: str) -> int:
    """The advisory lock under which one schema's migrations run: 63 bits of a hash of its name."""
    digest = hashlib.sha256(f"pg_scheduler migrations {schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
