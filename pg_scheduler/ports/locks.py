"""Exclusion across the cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Locks(Protocol):
    """Exclusion across the cluster."""

    def exclusive(self, name: str, on_lost: Callable[[], None]) -> AbstractAsyncContextManager[bool]:
        """True inside the block if this caller, alone in the cluster, holds the lock; False if somebody else
        does. Held on a connection of its own until the block ends or this process dies; `on_lost` is
        called should that connection break before the block ends."""
        ...
