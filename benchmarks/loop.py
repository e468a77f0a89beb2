"""The event loop of everything that is measured, the reference too, and how it keeps house: as `pgq run`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from typing import Any, TypeVar

from pg_scheduler_cli.collecting import collect_seldom

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

NAME = "asyncio"
_FASTEST: LoopFactory | None = None
try:
    import uvloop
except ImportError:  # an extra, and not to be had on every system
    pass
else:
    NAME = f"uvloop {version('uvloop')}"
    _FASTEST = uvloop.new_event_loop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on the faster loop."""
    collect_seldom()
    with asyncio.Runner(loop_factory=_FASTEST) as runner:
        return runner.run(main)
