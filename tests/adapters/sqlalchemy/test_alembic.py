"""The tables in a project that Alembic migrates."""

from __future__ import annotations

import io
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner

from pg_scheduler import InvalidInput, SyncQueries
from pg_scheduler.ports.schema import SchemaStatus
from pg_scheduler_cli.main import main
from pg_scheduler_postgres.migration_steps import all_migrations
from pg_scheduler_sqlalchemy.alembic import OURS, upgrade_tables
from tests.contract.callers import url_of

LATEST = all_migrations()[-1].version
ENV = """
from alembic import context
from sqlalchemy import Column, Integer, MetaData, NullPool, Table, create_engine

from pg_scheduler_sqlalchemy.alembic import include_name

metadata = MetaData()
Table("orders", metadata, Column("id", Integer, primary_key=True))
options = {"target_metadata": metadata, "include_name": include_name}
url = context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""
REVISION = '''
"""{name}"""
import sqlalchemy as sa
from alembic import op
from pg_scheduler_sqlalchemy.alembic import drop_tables, upgrade_tables

revision, down_revision, branch_labels, depends_on = "{name}", {before!r}, None, None


def upgrade():
    {upgrade}


def downgrade():
    {downgrade}
'''


@pytest.fixture
def project(tmp_path: Path, dsn: str) -> Config:
    """Whose second revision lays the tables as they once were, and the third what has come since."""
    versions = tmp_path / "versions"
    versions.mkdir()
    (tmp_path / "env.py").write_text(ENV)
    before = None
    printed = CliRunner().invoke(main, ["db", "sql", "--for", "alembic"]).output
    for name, upgrade, downgrade in (
        ("orders", 'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))', "pass"),
        ("jobs", "upgrade_tables(op, to=15)", "drop_tables(op)"),
        ("newer", f"upgrade_tables(op, since=15, to={LATEST})", "pass"),
    ):
        revision = REVISION.format(name=name, before=before, upgrade=upgrade, downgrade=downgrade)
        (versions / f"{name}.py").write_text(revision)
        before = name
    (versions / "last.py").write_text(f'revision, down_revision = "last", "newer"\n{printed}')
    config = Config(output_buffer=io.StringIO(), stdout=io.StringIO())
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("sqlalchemy.url", url_of(dsn, "psycopg").replace("%", "%%"))
    return config


def status(dsn: str) -> SchemaStatus:
    with SyncQueries(dsn) as queries:
        queries.driver.run_now(queries.driver.open())  # type: ignore[attr-defined]
        found: SchemaStatus = queries.driver.run_now(queries.driver.schema.status())  # type: ignore[attr-defined]
        return found


def test_revisions_lay_the_tables_and_autogenerate_leaves_them_alone(project: Config, dsn: str) -> None:
    command.upgrade(project, "jobs")
    assert status(dsn).version == 15
    command.upgrade(project, "head")
    assert (status(dsn).version, status(dsn).current) == (LATEST, True)
    command.check(project)  # nothing is to be generated
    command.downgrade(project, "orders")
    with psycopg.connect(dsn) as connection:
        left = {name for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relkind = 'r'")}
    assert not left & OURS


def test_where_a_worker_came_before_there_is_nothing_left_to_do(project: Config, dsn: str) -> None:
    with SyncQueries(dsn) as queries:
        queries.install()
    command.upgrade(project, "head")
    assert status(dsn).current


def test_a_script_does_the_same(project: Config, dsn: str) -> None:
    command.upgrade(project, "head", sql=True)
    script = project.output_buffer
    assert isinstance(script, io.StringIO)
    with psycopg.connect(dsn) as connection:
        connection.execute(script.getvalue().encode())
    assert status(dsn).current


def test_a_version_that_there_is_not_is_refused() -> None:
    for version in (0, LATEST + 1):
        with pytest.raises(InvalidInput, match=rf"to: .*{version}.*The newest is {LATEST}"):
            upgrade_tables(None, to=version)
