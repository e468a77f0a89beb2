"""The asyncpg driver: `AsyncpgDriver` over a pool, a connection or a DSN."""

from pg_scheduler_asyncpg.driver import AsyncpgDriver

__all__ = ["AsyncpgDriver"]
