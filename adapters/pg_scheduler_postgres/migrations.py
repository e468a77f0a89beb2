"""Creating, upgrading and healing the tables."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib import resources

from pg_scheduler.domain.errors import SchemaError, TransientDatabaseError
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres.catalog import WANTED
from pg_scheduler_postgres.link import Link
from pg_scheduler_postgres.session import Session
from pg_scheduler_postgres.statements import in_schema, quoted, read_sql

log = logging.getLogger("pg_scheduler.postgres.migrations")

LOCK_TIMEOUT, TRIES = "1s", 300
"""So long a migration waits for a lock, and holds up everybody behind it; and how often it tries, about a
second apart."""

_PASSING = ("55P03", "40P01", "40001")
"""A lock that was not to be had in time, a deadlock, a serialization failure."""

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step. Each is written so that applying it again does no harm."""

    version: int
    name: str

    def sql(self, schema: str) -> str:
        """Its statements for one schema."""
        return in_schema(read_sql("migrations", f"{self.version:04}_{self.name}"), schema) + ";"

    def brings(self, name: str) -> bool:
        """Whether it creates the relation, or the "relation.column", of this name."""
        relation, _, column = name.partition(".")
        for statement in self.sql("_").split(";"):
            created = re.search(
                rf'CREATE (?:TABLE|(?:UNIQUE )?INDEX) IF NOT EXISTS (?:"_"\.)?{relation}\b', statement
            )
            altered = re.search(rf'ALTER TABLE "_"\.{relation}\b', statement)
            if created and (not column or re.search(rf"^ +{column} ", statement, re.MULTILINE)):
                return True
            if altered and column and re.search(rf"ADD COLUMN IF NOT EXISTS {column}\b", statement):
                return True
        return False


def all_migrations() -> list[Migration]:
    """The packaged migrations in order."""
    folder = resources.files("pg_scheduler_postgres").joinpath("migrations")
    found = (_FILE.fullmatch(entry.name) for entry in folder.iterdir())
    return sorted(
        (Migration(int(match[1]), match[2]) for match in found if match),
        key=lambda migration: migration.version,
    )


def install_sql(schema: str) -> str:
    """The whole installation as one script, for people who apply SQL themselves."""
    parts = [
        "BEGIN;",
        _create_schema_unless_there(schema),
        in_schema(read_sql("sql", "create_ledger"), schema) + ";",
    ]
    for migration in all_migrations():
        parts.append(f"-- {migration.version:04} {migration.name}\n{migration.sql(schema)}")
        parts.append(
            f"INSERT INTO {quoted(schema)}.scheduled_job_migrations (version, name)\n"
            f"VALUES ({migration.version}, '{migration.name}') ON CONFLICT (version) DO NOTHING;"
        )
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def _create_schema_unless_there(schema: str) -> str:
    """A statement that needs the right to create schemas only where it creates one: IF NOT EXISTS would
    ask the owner of an existing schema for it too."""
    name = "'" + schema.replace("'", "''") + "'"
    body = (
        f"BEGIN IF NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = {name})"
        f" THEN CREATE SCHEMA {quoted(schema)}; END IF; END"
    )
    return "DO '" + body.replace("'", "''") + "';"


def steps(status: SchemaStatus) -> list[Migration]:
    """What is to be applied: what is newer than the installation, and from the first on that brings something
    which is missing. Each ALTER locks out everybody, so none is made again without need."""
    first = status.version + 1
    for migration in all_migrations():
        if migration.version < first and any(migration.brings(name) for name in status.missing):
            first = migration.version
    return [migration for migration in all_migrations() if migration.version >= first]


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
                await self._link.session.fetch("SELECT pg_sleep(0.5 + random() / 2)")

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
            await transaction.fetch("SELECT pg_advisory_xact_lock($1::bigint)", [_lock_key(schema)])
            status = await self._status(transaction)
            if status.current:
                return
            # IF NOT EXISTS alone would ask for the right to create schemas even where it exists.
            if not await transaction.fetch(
                "SELECT 1 AS found FROM pg_namespace WHERE nspname = $1::text", [schema]
            ):
                await transaction.script(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            await self._link.run("create_ledger", transaction)
            try:
                await self._migrate(transaction, status)
            except SchemaError as error:
                raise _incomplete(schema, str(error.__cause__)) from error
            if missing := (await self._status(transaction)).missing:
                raise _incomplete(schema, ", ".join(missing))

    async def _migrate(self, transaction: Session, status: SchemaStatus) -> None:
        for migration in steps(status):
            await transaction.script(migration.sql(self._link.statements.schema))
            await self._link.run(
                "record_migration", transaction, version=migration.version, name=migration.name
            )

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
