"""The event loop of everything that is measured: uvloop where it is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

try:
    import uvloop
except ImportError:  # an extra, and not to be had on every system
    uvloop = None

T = TypeVar("T")
NAME = "asyncio" if uvloop is None else f"uvloop {uvloop.__version__}"


def run(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` on the faster loop."""
    with asyncio.Runner(loop_factory=None if uvloop is None else uvloop.new_event_loop) as runner:
        return runner.run(main)
