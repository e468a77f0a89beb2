"""What is made of each SQLSTATE, in the code and in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import asyncpg
import pytest

from pg_scheduler import (
    ConnectionLost,
    DatabaseError,
    DatabaseUnavailable,
    PgSchedulerError,
    Queries,
    ReadOnlyServer,
    SchemaError,
    TransientDatabaseError,
)
from pg_scheduler.client.source import Library
from pg_scheduler.db import driver_over
from pg_scheduler.engine.service import MAX_PAUSE, MAX_PAUSE_WITHOUT_DATABASE, pause_after
from pg_scheduler_postgres.driver import PostgresDriver
from pg_scheduler_postgres.sqlstate import MEANINGS, meaning_of, translate

DEPLOYING = Path(__file__).parents[3] / "docs/guides/deploying.md"


@pytest.mark.parametrize(
    ("sqlstate", "error"),
    [
        (None, ConnectionLost),
        ("08006", ConnectionLost),
        ("57P01", ConnectionLost),
        ("57P03", ConnectionLost),
        ("53300", ConnectionLost),
        ("40003", ConnectionLost),
        ("53100", DatabaseUnavailable),
        ("25006", ReadOnlyServer),
        ("58030", DatabaseUnavailable),
        ("42501", DatabaseUnavailable),
        ("55000", DatabaseError),
        ("28P01", DatabaseUnavailable),
        ("40001", TransientDatabaseError),
        ("40P01", TransientDatabaseError),
        ("57014", TransientDatabaseError),
        ("42P01", SchemaError),
        ("23505", DatabaseError),
        ("22P05", DatabaseError),
        ("P0001", DatabaseError),
    ],
)
def test_a_sqlstate_means(sqlstate: str | None, error: type[PgSchedulerError]) -> None:
    assert type(translate(sqlstate, "told")) is error


def test_what_ended_the_connection_is_no_fault_of_a_statement() -> None:
    """The same code from a statement is a refusal for good: a trigger of somebody's own must not hold up all
    verdicts for ever."""
    assert type(translate("55000", "takes no connections", fatal=True)) is DatabaseUnavailable
    assert type(translate("57P01", "told to end", fatal=True)) is ConnectionLost
    assert type(translate("55000", "told by a trigger")) is DatabaseError


async def test_a_database_that_takes_no_connections_is_out_of_reach(dsn: str, library: Library) -> None:
    database = dsn.rpartition("/")[2]
    admin = await asyncpg.connect(dsn.rpartition("/")[0] + "/postgres")
    session = cast(PostgresDriver, driver_over(dsn, library=library)).link.session.dedicated("test")
    try:
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        with pytest.raises((ConnectionLost, DatabaseUnavailable)):
            await session.open()
    finally:
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
        await admin.close()


def test_the_documentation_lists_every_meaning() -> None:
    text = DEPLOYING.read_text()
    for meaning in MEANINGS:
        assert f"`{meaning.error.__name__}`" in text
        assert all(f"`{prefix}`" in text for prefix in meaning.prefixes if prefix)


def test_a_longer_prefix_wins() -> None:
    assert meaning_of("53300").error is ConnectionLost
    assert meaning_of("53400").error is DatabaseUnavailable


def test_pauses_grow_to_a_cap_and_a_returning_database_is_noticed_within_two_seconds() -> None:
    for error, cap in (
        (ConnectionLost("away"), MAX_PAUSE_WITHOUT_DATABASE),
        (DatabaseUnavailable("full"), MAX_PAUSE_WITHOUT_DATABASE),
        (TransientDatabaseError("deadlock"), MAX_PAUSE_WITHOUT_DATABASE),
        (ValueError("a fault of the engine"), MAX_PAUSE),
    ):
        pauses = [pause_after(error, failures) for failures in range(1, 30)]
        assert pauses == sorted(pauses)
        assert pauses[-1] == cap
    assert MAX_PAUSE_WITHOUT_DATABASE < 2
    assert pause_after(TransientDatabaseError("deadlock"), 1) < pause_after(ConnectionLost("away"), 1)


async def test_a_server_that_lets_nobody_in_is_no_lost_connection(dsn: str, library: Library) -> None:
    for wrong in (f"{dsn}_of_nobody", dsn.replace("postgres@", "nobody_at_all@")):
        client = Queries(driver_over(wrong, library=library))
        with pytest.raises(DatabaseUnavailable, match="does not exist"):
            await client.open()
        await client.close()
