"""The process that keeps the demo's PostgreSQL, and removes it once the demo is gone."""

from __future__ import annotations

import signal
import sys

from pg_scheduler.domain.errors import PgSchedulerError
from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.lifeline import wait_until_unwanted
from pg_scheduler_embedded import EmbeddedServer
from pg_scheduler_embedded.server import FAST


def main() -> None:
    """Start a server, tell its address, and stop it when unwanted or terminated."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    try:
        with EmbeddedServer(settings=FAST) as server:
            Event("server", "ready", note=server.dsn, job=f"PostgreSQL {server.version}").tell()
            wait_until_unwanted()
    except PgSchedulerError as error:
        sys.exit(f"demo: {error}")


if __name__ == "__main__":
    main()
