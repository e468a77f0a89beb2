"""The psycopg 3 drivers: `PsycopgDriver` over a pool, a connection or a DSN, and `SyncPsycopgDriver` for
programs without an event loop."""

from pg_scheduler_psycopg.driver import PsycopgDriver
from pg_scheduler_psycopg.sync_driver import SyncPsycopgDriver

__all__ = ["PsycopgDriver", "SyncPsycopgDriver"]
