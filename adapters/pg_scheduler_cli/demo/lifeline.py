"""Ties a process of the demo to the demo: it runs as long as its stdin is open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from pg_scheduler_cli.lifeline import wait_until_unwanted


async def while_wanted(work: Coroutine[Any, Any, None]) -> None:
    """Run the work to its end, or cancel it and wait for it when stdin closes."""
    loop, working = asyncio.get_running_loop(), asyncio.create_task(work)

    def watch() -> None:
        wait_until_unwanted()
        if not loop.is_closed():
            loop.call_soon_threadsafe(working.cancel)

    threading.Thread(target=watch, daemon=True).start()
    await asyncio.wait({working})
    if not working.cancelled():
        working.result()
