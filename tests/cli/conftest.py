"""`pgq` in a subprocess."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Pgq = Callable[..., Awaitable[Said]]


@pytest.fixture
def pgq(dsn: str, library: str) -> Pgq:
    """Run `pgq` with arguments, on the test's database unless told otherwise."""

    async def run(*arguments: str, stdin: str = "", on: str | None = dsn) -> Said:
        environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
        if on is not None:
            environment["PG_SCHEDULER_DSN"] = on
        chosen = ("--library", library) if on is not None and "sql" not in arguments else ()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pg_scheduler_cli", *arguments, *chosen,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment,
        )  # fmt: skip
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

    return run
