"""What must not be left when a scenario is over."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

import asyncpg

from tests.support.running import eventually

PATIENCE = 15.0
"""Seconds in which a server notices that its clients are gone."""

_LEFT = """
    SELECT
        (SELECT string_agg(format('(%s, %s, %s: %s)', state, wait_event, state_change, left(query, 80)), ', ')
            FROM pg_stat_activity WHERE datname = current_database()
            AND backend_type = 'client backend' AND pid <> pg_backend_pid()) AS connections,
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks,
        (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()) AS prepared
"""


async def left_in_database(dsn: str) -> list[str]:
    """Connections, advisory locks and prepared transactions that are there after a moment's patience."""
    connection = await asyncpg.connect(dsn)
    row: dict[str, int | str | None] = {}

    async def nothing_left() -> bool:
        row.update(await connection.fetchrow(_LEFT))
        return not any(row.values())

    try:
        await eventually(nothing_left, PATIENCE)
    except AssertionError:
        pass
    finally:
        await connection.close()
    return [f"{number} {what}" for what, number in row.items() if number]


@dataclass(frozen=True, slots=True)
class Before:
    """Tasks and threads as they were."""

    tasks: frozenset[asyncio.Task[object]]
    threads: frozenset[threading.Thread]

    @classmethod
    def now(cls) -> Before:
        """To be taken before a scenario."""
        return cls(frozenset(asyncio.all_tasks()), frozenset(threading.enumerate()))

    async def left_here(self) -> list[str]:
        """What is in this process that was not there, after a moment's patience."""
        try:
            await eventually(lambda: not self._tasks() and not self._threads(), PATIENCE)
        except AssertionError:
            pass
        return [
            *(f"task {task.get_name()}" for task in self._tasks()),
            *(f"thread {thread.name}" for thread in self._threads()),
        ]

    def _tasks(self) -> list[asyncio.Task[object]]:
        own = asyncio.current_task()
        return [task for task in asyncio.all_tasks() if task not in self.tasks and task is not own]

    def _threads(self) -> list[threading.Thread]:
        # The event loop's own pool stays until the loop is closed.
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self.threads and not thread.name.startswith("asyncio_")
        ]
