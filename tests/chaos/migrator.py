"""One migrating process: ``python -m tests.chaos.migrator DSN LIBRARY``, started by the migration scenario.

Each line of its input is a schema to install and the number of the statement before which to stop and wait
for another line (0: none). Its output says "at PID-OF-THE-BACKEND" there, and in the end "done" or "failed
REASON". A script counts as its statements, one by one, so that it can be interrupted between any two of them.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Sequence
from typing import Any, cast

from pg_scheduler import Scheduler
from pg_scheduler.client.source import Library


class Pace:
    """Counts statements, and stops before one of them."""

    def __init__(self) -> None:
        self.sent = self.stop_before = 0

    async def step(self, session: Any) -> None:
        """Another statement is about to be sent."""
        self.sent += 1
        if self.sent == self.stop_before:
            rows = await session.unpaced_fetch("SELECT pg_backend_pid() AS pid")
            say(f"at {rows[0]['pid']}")
            await next_line()


def pace_sessions(library: Library) -> Pace:
    """Make every session of a library tell a Pace of its statements."""
    pace = Pace()
    session: Any = importlib.import_module(f"pg_scheduler_{library}.sessions").BorrowedSession
    session.unpaced_fetch, session.unpaced_script = session.fetch, session.script

    async def fetch(self: Any, sql: str, args: Sequence[Any] = ()) -> Any:
        await pace.step(self)
        return await self.unpaced_fetch(sql, args)

    async def script(self: Any, sql: str) -> None:
        # The packaged migrations hold no function bodies: a semicolon at the end of a line ends a statement.
        for statement in filter(str.strip, sql.split(";\n")):
            await pace.step(self)
            await self.unpaced_script(statement)

    session.fetch, session.script = fetch, script
    return pace


def say(text: str) -> None:
    print(text, flush=True)


async def next_line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


async def main(dsn: str, library: Library) -> None:
    """Install until the input ends."""
    pace = pace_sessions(library)
    say("ready")
    while line := await next_line():
        schema, stop_before = line.split()
        pace.sent, pace.stop_before = 0, int(stop_before)
        scheduler = Scheduler(dsn, library=library, schema=schema)
        try:
            await scheduler.initialize_db()
        except Exception as error:
            say(f"failed {type(error).__name__}")
        else:
            say(f"done {pace.sent}")
        await scheduler.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], cast(Library, sys.argv[2])))
