"""`pgq` in a subprocess."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PGQ = Path(sys.executable).with_name("pgq")


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Pgq = Callable[..., Awaitable[Said]]


async def run(*command: str | Path, stdin: str = "", **environment: str) -> Said:
    """Run a command to its end, with nothing but these variables to tell it of a database."""
    ours = ("DATABASE_URL", "PG_SCHEDULER_DSN", "PGQ_DEBUG")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if key not in ours} | environment,
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


@pytest.fixture
def pgq(lone_pgq: Pgq, dsn: str, library: str) -> Pgq:
    """Run `pgq` with arguments on the test's database, by each library."""

    async def on_database(*arguments: str, stdin: str = "") -> Said:
        return await lone_pgq(*arguments, "--library", library, stdin=stdin, PG_SCHEDULER_DSN=dsn)

    return on_database
