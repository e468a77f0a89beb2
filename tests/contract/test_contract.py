"""Every rule of the Driver port, over every driver.

Memory; asyncpg and psycopg, pool and single connection, on every PostgreSQL to be had.
"""

from __future__ import annotations

import pytest

from pg_scheduler.testing.contract import *  # noqa: F403 - this is how other drivers' tests take it in, too

pytestmark = pytest.mark.asyncio(loop_scope="module")
