"""Ids for jobs whose callers give none."""

from __future__ import annotations

import os
import secrets
import threading
from datetime import datetime

from pg_scheduler.domain.identity import time_ordered_id

_BYTES = 10
_FETCHED = 256 * _BYTES
"""Asking the system for randomness costs more than the rest of an id, so it is asked for some at a time."""


class _Randomness(threading.local):
    """Random bytes, each given away once: every thread has its own."""

    left = b""

    def take(self) -> bytes:
        """Ten bytes."""
        left = self.left if len(self.left) >= _BYTES else secrets.token_bytes(_FETCHED)
        self.left = left[_BYTES:]
        return left[:_BYTES]

    def forget(self) -> None:
        """Give nothing away that was fetched before now."""
        self.left = b""


_randomness = _Randomness()
if hasattr(os, "register_at_fork"):
    # Else parent and child would give the same bytes away. Only the thread that forked lives on.
    os.register_at_fork(after_in_child=_randomness.forget)


def fresh_id(now: datetime) -> str:
    """A time-ordered UUID that no other job has."""
    return time_ordered_id(int(now.timestamp() * 1000), _randomness.take())
