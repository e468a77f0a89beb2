"""The server that benchmarks run on."""

from __future__ import annotations

import asyncpg

from benchmarks.frame import WORKER_ROLE
from pg_scheduler_embedded import EmbeddedServer

PRODUCTION = {
    # What a commit costs is part of every figure: fsync and synchronous_commit stay on.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'4GB'",
    "max_connections": "400",
    "checkpoint_timeout": "'15min'",
    "random_page_cost": "1.1",
}
LOGGED = {
    # Off for everybody by default; `benchmarks.statements` turns it on for one role.
    "logging_collector": "on",
    "log_directory": "'log'",
    "log_filename": "'statements.log'",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
    "log_line_prefix": "'%n|%u|'",
    "log_parameter_max_length": "0",
    "log_checkpoints": "off",
}


def bench_server(version: int | None = None) -> EmbeddedServer:
    """A server with production-like settings, not started yet."""
    return EmbeddedServer(version, {**PRODUCTION, **LOGGED})


async def prepare(server: EmbeddedServer) -> None:
    """Create the role that workers log in as."""
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f"CREATE ROLE {WORKER_ROLE} LOGIN")
    finally:
        await connection.close()
