"""`pgq db`: the tables."""

from __future__ import annotations

import click

from pg_scheduler import __version__
from pg_scheduler.domain.errors import SchemaError
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.errors import EXIT_NOT_CURRENT
from pg_scheduler_cli.groups import PlainGroup
from pg_scheduler_cli.options import Connection, as_json, connecting
from pg_scheduler_cli.output import print_json
from pg_scheduler_cli.schema_words import gaps, nothing_there, verdict
from pg_scheduler_postgres.catalog import TABLES
from pg_scheduler_postgres.migration_steps import all_migrations, install_sql
from pg_scheduler_postgres.operating_roles import operator_sql, reader_sql
from pg_scheduler_postgres.roles import RoleNames, roles_sql
from pg_scheduler_postgres.statements import Statements, checked_identifier, statement_names, summary_of


@click.group(cls=PlainGroup)
def db() -> None:
    """Create, upgrade, inspect or remove the tables."""


@db.command()
@connecting
@as_json
def install(connection: Connection, as_json: bool) -> None:
    """Create the tables, upgrade them, or heal what is missing. Safe to repeat."""
    _install(connection, as_json)


@db.command()
@connecting
@as_json
def upgrade(connection: Connection, as_json: bool) -> None:
    """Upgrade existing tables; rows are kept. Fails if there are no tables to upgrade."""
    _install(connection, as_json, must_exist=True)


def _install(connection: Connection, as_json: bool, must_exist: bool = False) -> None:
    async def work(scheduler: Scheduler) -> tuple[SchemaStatus, SchemaStatus]:
        before = await scheduler.driver.schema.status()
        if must_exist and nothing_there(before):
            raise SchemaError(
                f"schema {before.schema!r} has no tables to upgrade. Is it the right database and "
                "schema? If so, create the tables: pgq db install"
            )
        await scheduler.driver.schema.install()
        return before, await scheduler.driver.schema.status()

    before, after = connection.run(work)
    if as_json:
        print_json(
            {
                "schema": after.schema,
                "before": before.version,
                "version": after.version,
                "healed": gaps(before.missing) if before.version == after.version else [],
                "changed": not before.current,
            }
        )
    else:
        click.echo(_what_was_done(before, after))


def _what_was_done(before: SchemaStatus, after: SchemaStatus) -> str:
    schema = f"schema {after.schema!r}"
    if before.current:
        return f"{schema}: version {after.version}, current; nothing to do"
    if nothing_there(before):
        return f"{schema}: installed version {after.version}"
    if before.version == after.version:
        return f"{schema}: healed {', '.join(gaps(before.missing))}"
    return f"{schema}: upgraded from version {before.version} to {after.version}"


@db.command()
@connecting
@as_json
def status(connection: Connection, as_json: bool) -> None:
    """Show which version of the tables is installed.

    Exit code 0 if the tables are current, 1 if they must be installed or upgraded, 2 if the check failed.
    """

    async def read(scheduler: Scheduler) -> SchemaStatus:
        return await scheduler.driver.schema.status()

    found = connection.run(read)
    if as_json:
        print_json(
            {
                "schema": found.schema,
                "version": found.version,
                "latest": found.latest,
                "missing": found.missing,
                "current": found.current,
            }
        )
    else:
        click.echo(verdict(found))
    if not found.current:
        raise SystemExit(EXIT_NOT_CURRENT)


@db.command()
@click.option("--schema", default="public", show_default=True, help="Schema of the tables.")
@click.option(
    "--statement", metavar="NAME", help="Print this statement of the library instead, exactly as it is sent."
)
@click.option("--list", "only_names", is_flag=True, help="List the library's statements instead.")
@click.option(
    "--for", "form", type=click.Choice(["plain", "alembic"]), default="plain", show_default=True,
    help="Print SQL, or the lines of a revision of Alembic's that runs it.",
)  # fmt: skip
def sql(schema: str, statement: str | None, only_names: bool, form: str) -> None:
    """Print the SQL that installs the tables, for people who apply migrations themselves.

    Does not connect to a database. The SQL is safe to repeat: pgq db sql | psql -v ON_ERROR_STOP=1 DSN
    """
    checked_identifier("schema", schema)
    if only_names:
        width = max(map(len, statement_names()))
        for name in statement_names():
            click.echo(f"{name:<{width}}  {_first_sentence(summary_of(name))}")
    elif statement is not None:
        _print_statement(statement, schema)
    elif form == "alembic":
        in_schema = "" if schema == "public" else f", schema={schema!r}"
        click.echo(_REVISION.format(to=all_migrations()[-1].version, in_schema=in_schema), nl=False)
    else:
        _print_installation(schema)


_REVISION = """\
from alembic import op

from pg_scheduler_sqlalchemy.alembic import drop_tables, upgrade_tables


def upgrade() -> None:
    upgrade_tables(op, to={to}{in_schema})


def downgrade() -> None:
    drop_tables(op{in_schema})
"""


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _print_statement(name: str, schema: str) -> None:
    if name not in statement_names():
        raise click.BadParameter(
            f"there is no statement {name!r}; see pgq db sql --list", param_hint="--statement"
        )
    found = Statements(schema).unpinned(name)
    for number, (parameter, kind) in enumerate(found.types.items(), 1):
        click.echo(f"-- ${number} {parameter} {kind}")
    click.echo(found.sql)


def _print_installation(schema: str) -> None:
    version = all_migrations()[-1].version
    click.echo(f"-- pg_scheduler {__version__}: its tables, version {version}, in schema {schema}.")
    click.echo("-- One transaction, safe to repeat.\n")
    click.echo(install_sql(schema), nl=False)


@db.command()
@click.option("--schema", default="public", show_default=True, help="Schema of the tables.")
@click.option(
    "--admin", default="jobs_admin", show_default=True, help="Role that owns and upgrades the tables."
)
@click.option("--worker", default="jobs_worker", show_default=True, help="Role that runs jobs.")
@click.option(
    "--producer", default="jobs_producer", show_default=True, help="Role that stores and reads jobs."
)
@click.option(
    "--reader", is_flag=False, flag_value="jobs_reader",
    help="Print a role instead that reads all but arguments, payloads, headers and results. "
    "[default name: jobs_reader]",
)  # fmt: skip
@click.option(
    "--operator", is_flag=False, flag_value="jobs_operator",
    help="Print a role instead that reads all, and cancels, retries, pauses and limits. "
    "[default name: jobs_operator]",
)  # fmt: skip
def roles(
    schema: str, admin: str, worker: str, producer: str, reader: str | None, operator: str | None
) -> None:
    """Print the SQL that creates three roles with only the privileges they need, or one for people.

    Does not connect to a database. Run the SQL when the tables exist, and again after each upgrade.
    """
    if reader is not None or operator is not None:
        printed = reader_sql(schema, reader) if reader is not None else ""
        printed += operator_sql(schema, operator) if operator is not None else ""
    else:
        printed = roles_sql(schema, RoleNames(admin, worker, producer))
    click.echo(f"-- pg_scheduler {__version__}: privileges on its tables in schema {schema}.")
    click.echo("-- New roles have no password yet. Safe to repeat.\n")
    click.echo(printed, nl=False)


@db.command()
@connecting
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def uninstall(connection: Connection, yes: bool) -> None:
    """Drop the tables and every job in them. Lists what will be dropped and asks for confirmation."""

    async def look(scheduler: Scheduler) -> tuple[SchemaStatus, list[str]]:
        found = await scheduler.driver.schema.status()
        return found, await _contents(scheduler, found)

    found, contents = connection.run(look)
    if nothing_there(found):
        click.echo(f"schema {found.schema!r}: not installed; nothing to drop")
        return
    click.echo(f"This permanently drops from schema {found.schema!r} of {connection.shown}:")
    click.echo("\n".join(f"  {line}" for line in contents))
    if not yes and not click.confirm("Drop all this?"):
        click.echo("Nothing was dropped.")
        raise SystemExit(EXIT_NOT_CURRENT)

    async def drop(scheduler: Scheduler) -> None:
        await scheduler.driver.schema.uninstall()

    connection.run(drop)
    click.echo(f"schema {found.schema!r}: dropped. The schema itself is still there.")


async def _contents(scheduler: Scheduler, found: SchemaStatus) -> list[str]:
    """The tables that exist, with the number of jobs and workers in them."""
    remarks = dict.fromkeys((table.name for table in TABLES), "")
    for gap in gaps(found.missing):
        remarks.pop(gap.removeprefix("table "), None)
    if "scheduled_jobs" in remarks:
        counted = await scheduler.driver.insight.counts()
        counts = {status: count for status, count in counted.items() if count}
        each = ", ".join(f"{count} {status}" for status, count in counts.items())
        remarks["scheduled_jobs"] = _counted(sum(counts.values()), "job") + (f": {each}" if each else "")
    if "scheduled_job_workers" in remarks:
        workers = len(await scheduler.driver.insight.workers())
        remarks["scheduled_job_workers"] = _counted(workers, "worker") + " not shut down" if workers else ""
    return [f"{table:<26}{remark}".rstrip() for table, remark in remarks.items()]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
