"""Counts the statements that workers send, by the server's own log."""

from __future__ import annotations

import re
from bisect import bisect_left

import asyncpg

from benchmarks.frame import WORKER_ROLE
from pg_scheduler_embedded import EmbeddedServer

_LOGGED = re.compile(rf"^(\d+\.\d+)\|{WORKER_ROLE}\|LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)


class StatementLog:
    """Instants (Unix time) at which workers sent statements, pool resets and probes included.

    The wheel's PostgreSQL brings no pg_stat_statements, and the counters of pg_stat_database reach the
    reader seconds late; the log is exact, and costs a worker some microseconds a statement.
    """

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server

    async def enable(self, on: bool = True) -> None:
        """Log what workers send that connect from now on."""
        setting = "'all'" if on else "DEFAULT"
        await self._run(f"ALTER ROLE {WORKER_ROLE} SET log_statement = {setting}")

    async def instants(self) -> list[float]:
        """When statements were sent, in order."""
        text = await self._run("SELECT pg_read_file(pg_current_logfile('stderr'))")
        return sorted(float(found) for found in _LOGGED.findall(text))

    async def _run(self, sql: str) -> str:
        connection = await asyncpg.connect(self._server.dsn)
        try:
            return str(await connection.fetchval(sql))
        finally:
            await connection.close()


def count_within(instants: list[float], windows: list[tuple[float, float]]) -> int:
    """How many of the ordered instants lie in one of the windows."""
    return sum(bisect_left(instants, end) - bisect_left(instants, begin) for begin, end in windows)
