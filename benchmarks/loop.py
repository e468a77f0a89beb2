"""The event loop of everything that is measured, the reference too, and how it keeps house: as `pgq run`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pg_scheduler_cli.collecting import collect_seldom

try:
    import uvloop
except ImportError:  # an extra, and not to be had on every system
    uvloop = None

T = TypeVar("T")
NAME = "asyncio" if uvloop is None else f"uvloop {uvloop.__version__}"


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on the faster loop."""
    collect_seldom()
    with asyncio.Runner(loop_factory=None if uvloop is None else uvloop.new_event_loop) as runner:
        return runner.run(main)
