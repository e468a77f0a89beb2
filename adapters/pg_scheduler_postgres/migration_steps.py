"""The packaged migrations, and which of their statements an installation needs."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_postgres.catalog import WANTED
from pg_scheduler_postgres.statements import in_schema, quoted, read_sql

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")
_COMMENT = re.compile(r"--[^\n]*")
_STATEMENT = re.compile(r"(?:\$body\$.*?\$body\$|'[^']*'|[^;'$])+", re.DOTALL)
_BLOCK = re.compile(r"DO \$body\$(.*)\$body\$", re.DOTALL)
_INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX IF NOT EXISTS (\w+)\s+ON :"schema"\.(\w+)')

LAST_AT_ONCE = 5
"""Up to this version an upgrade builds indexes within its transaction. Nothing works without them, and what
it takes over has no worker yet that could go on meanwhile."""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One statement of a migration, as it stands in the file."""

    text: str

    def sql(self, schema: str, concurrently: bool = False) -> str:
        """It, for one schema."""
        if block := _BLOCK.fullmatch(self.text):
            # In one line and in plain quotes, so that whatever the schema is called cannot end it.
            body = in_schema(" ".join(block[1].split()), schema)
            return "DO '" + body.replace("'", "''") + "'"
        sql = in_schema(self.text, schema)
        return sql.replace(" INDEX ", " INDEX CONCURRENTLY ", 1) if concurrently else sql

    @property
    def index(self) -> str | None:
        """The index that it creates."""
        return match[1] if (match := _INDEX.match(self.text)) else None

    @property
    def indexed_table(self) -> str | None:
        """The table of that index."""
        return match[2] if (match := _INDEX.match(self.text)) else None

    def heals(self, missing: Collection[str]) -> bool:
        """Whether it belongs to what is missing: a "relation", of which nothing is left, or a
        "relation.column". Besides what creates a column, its constraints and its default are part of it."""
        if self.index is not None:
            return self.index in missing
        return any(self._names(name) for name in missing)

    def _names(self, name: str) -> bool:
        relation, _, column = name.partition(".")
        return all(re.search(rf"\b{word}\b", self.text) for word in (relation, column) if word)


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step. Each is written so that applying it again does no harm."""

    version: int
    name: str
    changes: tuple[SchemaChange, ...]
    whole: bool = True
    """False if only what is missing of it is to be made again."""

    def sql(self, schema: str) -> str:
        """Its statements for one schema."""
        return "".join(f"{change.sql(schema)};\n" for change in self.changes)

    def note(self, schema: str) -> str:
        """The statement that writes down that it has been applied."""
        return (
            f"INSERT INTO {quoted(schema)}.scheduled_job_migrations (version, name)\n"
            f"VALUES ({self.version}, '{self.name}') ON CONFLICT (version) DO NOTHING"
        )

    def healing(self, missing: Collection[str]) -> Migration:
        """What it must do again."""
        changes = tuple(change for change in self.changes if change.heals(missing))
        return replace(self, changes=changes, whole=False)

    def later_indexes(self, gone: Collection[str]) -> tuple[SchemaChange, ...]:
        """The indexes that can be built concurrently, after the rest: those on tables in use."""
        if self.whole and self.version <= LAST_AT_ONCE:
            return ()
        return tuple(change for change in self.changes if change.index and change.indexed_table not in gone)


@cache
def all_migrations() -> list[Migration]:
    """The packaged migrations in order."""
    folder = resources.files("pg_scheduler_postgres").joinpath("migrations")
    found = (_FILE.fullmatch(entry.name) for entry in folder.iterdir())
    return sorted(
        (Migration(int(match[1]), match[2], _changes(match[0])) for match in found if match),
        key=lambda migration: migration.version,
    )


def _changes(file: str) -> tuple[SchemaChange, ...]:
    text = _COMMENT.sub("", read_sql("migrations", file.removesuffix(".sql")))
    return tuple(SchemaChange(found.strip()) for found in _STATEMENT.findall(text) if found.strip())


def steps(status: SchemaStatus) -> list[Migration]:
    """What is to be applied: what is newer than the installation, and of the others the statements that bring
    something which is missing. Each ALTER locks out everybody, so none is made again without need."""
    missing = {*status.missing, *gone_tables(status)}
    found = (
        migration if migration.version > status.version else migration.healing(missing)
        for migration in all_migrations()
    )
    return [migration for migration in found if migration.changes]


def gone_tables(status: SchemaStatus) -> set[str]:
    """Tables of which no column is left."""
    return {
        table
        for table, columns in WANTED.items()
        if columns and all(f"{table}.{column}" in status.missing for column in columns)
    }


def install_sql(schema: str) -> str:
    """The whole installation as one script, for people who apply SQL themselves."""
    parts = [
        "BEGIN;",
        schema_unless_there(schema) + ";",
        in_schema(read_sql("sql", "create_ledger"), schema) + ";",
    ]
    for migration in all_migrations():
        parts.append(f"-- {migration.version:04} {migration.name}\n{migration.sql(schema)}")
        parts.append(migration.note(schema) + ";")
    return "\n\n".join([*parts, "COMMIT;"]) + "\n"


def schema_unless_there(schema: str) -> str:
    """A statement that needs the right to create schemas only where it creates one: IF NOT EXISTS would
    ask the owner of an existing schema for it too."""
    name = "'" + schema.replace("'", "''") + "'"
    body = (
        f"BEGIN IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {name})"
        f" THEN CREATE SCHEMA {quoted(schema)}; END IF; END"
    )
    return "DO '" + body.replace("'", "''") + "'"
