"""What is made of each SQLSTATE, in the code and in the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from pg_scheduler import (
    ConnectionLost,
    DatabaseError,
    DatabaseUnavailable,
    PgSchedulerError,
    SchemaError,
    TransientDatabaseError,
)
from pg_scheduler.engine.service import MAX_PAUSE, MAX_PAUSE_WITHOUT_DATABASE, pause_after
from pg_scheduler_postgres.sqlstate import MEANINGS, meaning_of, translate

DEPLOYING = Path(__file__).parents[2] / "docs/guides/deploying.md"


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
        ("25006", DatabaseUnavailable),
        ("58030", DatabaseUnavailable),
        ("42501", DatabaseUnavailable),
        ("55000", DatabaseUnavailable),
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
