"""The process that serves the dashboard of the demo, where its packages are installed."""

from __future__ import annotations

import asyncio
import sys

from pg_scheduler.domain.version import install_command
from pg_scheduler.scheduler import Scheduler
from pg_scheduler_cli.demo.events import Event
from pg_scheduler_cli.demo.lifeline import while_wanted


async def show(dsn: str) -> None:
    """Serve it until cancelled, and tell its address."""
    try:
        from pg_scheduler_web.access import Access
        from pg_scheduler_web.doors import OneTimeLink
        from pg_scheduler_web.serving import Served
    except ModuleNotFoundError:
        Event("page", "is missing", note=install_command("web")).tell()
        return
    scheduler = Scheduler(dsn)
    served = Served(scheduler, OneTimeLink(Access.admin), host="127.0.0.1", port=0)
    try:
        await served.run(lambda: Event("page", "opens", note=served.url).tell())
    finally:
        await scheduler.shutdown()


if __name__ == "__main__":
    asyncio.run(while_wanted(show(sys.argv[1])))
