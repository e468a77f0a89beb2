"""The psycopg 3 driver: `PsycopgDriver` over a pool, a connection or a DSN."""

from pg_scheduler_psycopg.driver import PsycopgDriver

__all__ = ["PsycopgDriver"]
