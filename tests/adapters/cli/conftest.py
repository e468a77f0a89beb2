"""`pgq` in a subprocess."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pg_scheduler.client.source import Library
from pg_scheduler.queries import Queries
from tests.adapters.cli.apps import OURS, PGQ, Shop


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Pgq = Callable[..., Awaitable[Said]]


async def run(*command: str | Path, stdin: str = "", **environment: str) -> Said:
    """Run a command to its end, with nothing but these variables to tell it of a database."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key not in OURS} | environment,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())


@pytest.fixture
def lone_pgq() -> Pgq:
    """Run `pgq` with arguments, and no database unless they or variables name one."""

    async def lone(*arguments: str, stdin: str = "", **environment: str) -> Said:
        return await run(PGQ, *arguments, stdin=stdin, **environment)

    return lone


@pytest.fixture(params=["asyncpg", pytest.param("psycopg", marks=pytest.mark.slow)])
def library(request: pytest.FixtureRequest) -> str:
    """Both drivers; the second one not in `make test`, as each command starts an interpreter."""
    return str(request.param)


@pytest.fixture
def pgq(lone_pgq: Pgq, dsn: str, library: Library) -> Pgq:
    """Run `pgq` with arguments on the test's database, by each library."""

    async def on_database(*arguments: str, stdin: str = "") -> Said:
        return await lone_pgq(*arguments, "--library", library, stdin=stdin, PG_SCHEDULER_DSN=dsn)

    return on_database


@pytest.fixture
def shop(tmp_path: Path, dsn: str) -> Shop:
    """An application on the test's database."""
    return Shop(tmp_path, dsn, "asyncpg")


@pytest.fixture
def either_shop(tmp_path: Path, dsn: str, library: Library) -> Shop:
    """The same, by each library."""
    return Shop(tmp_path, dsn, library)


@pytest.fixture
async def queries(dsn: str) -> AsyncIterator[Queries]:
    """Who enqueues from another process: this one."""
    async with Queries(dsn) as made:
        yield made
