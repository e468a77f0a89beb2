"""What a scenario must not leave behind once its processes are gone."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Any

import asyncpg

PATIENCE = 5.0
"""Seconds in which the server notices that the last connections are closed."""

_LEFT = """
SELECT format('%s connections (%s)', count(*), string_agg(DISTINCT left(query, 60), ' | ')) AS left_behind
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
HAVING count(*) > 0
UNION ALL
SELECT format('%s advisory locks', count(*))
FROM pg_locks AS lock
WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
HAVING count(*) > 0
UNION ALL
SELECT format('%s prepared transactions', count(*))
FROM pg_prepared_xacts
WHERE database = current_database()
HAVING count(*) > 0
"""


@dataclass(frozen=True, slots=True)
class Present:
    """Who was there before."""

    threads: frozenset[threading.Thread]
    tasks: frozenset[asyncio.Task[Any]]

    @classmethod
    def now(cls) -> Present:
        """Those of this moment."""
        return cls(frozenset(threading.enumerate()), frozenset(asyncio.all_tasks()))

    def newcomers(self) -> list[str]:
        """Threads and tasks that have come since and are still there."""
        threads = [thread.name for thread in threading.enumerate() if self._is_new(thread)]
        tasks = [task.get_name() for task in asyncio.all_tasks() - self.tasks]
        return [f"{kind} {names}" for kind, names in (("threads", threads), ("tasks", tasks)) if names]

    def _is_new(self, thread: threading.Thread) -> bool:
        # asyncio keeps the threads of its own pool until the loop ends.
        return thread not in self.threads and not thread.name.startswith("asyncio_")


async def left_behind(dsn: str, before: Present) -> list[str]:
    """What is left in the database and in this process after `PATIENCE`; empty if all is clean."""
    deadline = time.monotonic() + PATIENCE
    connection = await asyncpg.connect(dsn)
    try:
        while True:
            left = [row["left_behind"] for row in await connection.fetch(_LEFT)]
            left += before.newcomers()
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
