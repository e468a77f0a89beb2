"""Connections of a pool for one statement or transaction, at no more cost than these need.

Of a call that stores one job, asyncpg's care for its pool is the larger part: a task for each time limit, and
a round trip that undoes what the borrower may have left behind. Here nothing is left behind, and where
nothing has to be waited for no limit is needed.
"""

from __future__ import annotations

from typing import Any


async def lend(pool: Any, limit: float) -> Any:
    """A connection; waits for one `limit` seconds at the most."""
    # A setup of the owner's may take any time.
    waits = pool.get_idle_size() == 0 or getattr(pool, "_setup", True) is not None
    return await pool.acquire(timeout=limit if waits else None)


async def give_back(pool: Any, lent: Any, limit: float) -> None:
    """Give a connection back as it came. What its pool's owner does at each return (`reset=`) is done.

    The query of asyncpg's reset stands in a private attribute. Where that is not found, the reset is made.
    """
    connection: Any = getattr(lent, "_con", None)
    query = getattr(connection, "_reset_query", None)
    if not query:
        await pool.release(lent, timeout=limit)
        return
    connection._reset_query = ""
    try:
        await pool.release(lent, timeout=limit)
    finally:
        connection._reset_query = query
