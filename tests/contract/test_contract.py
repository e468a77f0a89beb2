"""Every rule of the Driver port, over every driver."""

from __future__ import annotations

import pytest

from pg_scheduler.testing.contract import DriverContract

pytestmark = pytest.mark.asyncio(loop_scope="module")


class TestEveryDriver(DriverContract):
    """Memory; asyncpg and psycopg, pool and single connection, on every PostgreSQL to be had."""
