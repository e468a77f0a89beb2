"""Every rule of the Driver port, over every driver."""

from __future__ import annotations

from pg_scheduler.testing.contract import DriverContract


class TestEveryDriver(DriverContract):
    """Memory; asyncpg and psycopg, pool and single connection, on every PostgreSQL to be had."""
