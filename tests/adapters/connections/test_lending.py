"""What a statement on a user's asyncpg pool costs, and what it leaves to the pool's owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from pg_scheduler import Queries

RESET = "RESET ALL"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements without an answer that are sent: resets are among them."""
    statements: list[str] = []
    execute = asyncpg.Connection.execute

    async def noted(self: Any, query: str, *args: Any, **options: Any) -> str:
        statements.append(query)
        status: str = await execute(self, query, *args, **options)
        return status

    monkeypatch.setattr(asyncpg.Connection, "execute", noted)
    return statements


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    """One connection that has been used, and reset, before."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as made:
        async with made.acquire():
            pass
        yield made


async def test_what_we_send_is_not_followed_by_a_reset(pool: asyncpg.Pool, sent: list[str]) -> None:
    async with Queries(pool) as queries:
        sent.clear()
        await queries.enqueue("work", b"x")
        await queries.enqueue("work", [b"%d" % n for n in range(200)])  # by COPY, in a transaction
    assert [statement for statement in sent if RESET in statement] == []


async def test_what_the_owner_sends_is_reset_as_ever(pool: asyncpg.Pool, sent: list[str]) -> None:
    async with Queries(pool) as queries:
        await queries.enqueue("work", b"x")
        sent.clear()
        async with pool.acquire() as connection:
            await connection.execute("SET application_name = 'owner'")
        assert RESET in sent[-1]
        async with pool.acquire() as connection:
            assert await connection.fetchval("SHOW application_name") == ""
        await queries.enqueue("work", b"y")


async def test_what_the_owner_does_at_each_return_is_done(dsn: str) -> None:
    returned: list[Any] = []

    async def reset(connection: Any) -> None:
        returned.append(connection)

    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=1, reset=reset) as pool,
        Queries(pool) as queries,
    ):
        await queries.enqueue("work", b"x")
        before = len(returned)
        await queries.enqueue("work", b"y")
        assert len(returned) == before + 1


async def test_a_reset_of_a_connection_class_of_the_owners_is_made(dsn: str, sent: list[str]) -> None:
    class Own(asyncpg.Connection):  # type: ignore[misc]
        def get_reset_query(self) -> str:
            return "SELECT 'mine'"

    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=1, connection_class=Own) as pool,
        Queries(pool) as queries,
    ):
        await queries.enqueue("work", b"x")
        sent.clear()
        await queries.enqueue("work", b"y")
        assert sent == ["SELECT 'mine'"]


async def test_a_transaction_that_was_left_open_is_rolled_back(pool: asyncpg.Pool) -> None:
    async with Queries(pool) as queries:
        session: Any = queries.driver.link.session  # type: ignore[attr-defined]
        async with session._session._scope() as scope:
            await scope.script("BEGIN; CREATE TABLE left_open ()")
        async with pool.acquire() as connection:
            assert not connection.is_in_transaction()
            assert await connection.fetchval("SELECT to_regclass('left_open')") is None


async def test_the_private_name_that_spares_the_reset_is_still_there(pool: asyncpg.Pool) -> None:
    """If this fails, asyncpg has changed: our statements on pools are followed by resets again, no more."""
    async with pool.acquire() as connection:
        assert isinstance(connection._con._reset_query, str)
