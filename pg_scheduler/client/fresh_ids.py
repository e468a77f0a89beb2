"""Ids for jobs whose callers give none."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime

from pg_scheduler.domain.identity import COUNTER_BITS, time_ordered_id
from pg_scheduler.ports.forks import forget_in_forks

_BYTES = 6
_FETCHED = 256 * _BYTES
"""Asking the system for randomness costs more than the rest of an id, so it is asked for some at a time."""

_LAST = (1 << COUNTER_BITS) - 1
_LONGEST_STEP_BACK = 3_600_000
"""Milliseconds. A clock that is set back by less does not stop ids from growing; one that is further behind
is taken for another clock, such as a test's."""


class _Ids:
    """Ids that grow, made in any thread of one process."""

    def __init__(self) -> None:
        self.forget()
        # Else parent and child would give the same ids away.
        forget_in_forks(self, _Ids.forget)

    def forget(self) -> None:
        """Begin anew: give nothing away that was fetched or counted before now."""
        # Also another lock: in a child, nobody may be left to release the one of its parent.
        self._lock = threading.Lock()
        self._unix_ms = self._counter = 0
        self._left = b""

    def fresh(self, unix_ms: int, number: int) -> list[str]:
        """So many that are greater than all before them, each than the one before it."""
        with self._lock:
            return [self._next(unix_ms) for _ in range(number)]

    def _next(self, unix_ms: int) -> str:
        if not 0 <= self._unix_ms - unix_ms < _LONGEST_STEP_BACK:
            self._begin(unix_ms)
        elif self._counter == _LAST:
            self._begin(self._unix_ms + 1)
        else:
            self._counter += 1
        return time_ordered_id(self._unix_ms, self._counter, self._take())

    def _begin(self, unix_ms: int) -> None:
        self._unix_ms = unix_ms
        # The upper half of the numbers stays free, so that there are enough to count on.
        self._counter = int.from_bytes(self._take()) & (_LAST >> 1)

    def _take(self) -> bytes:
        left = self._left if len(self._left) >= _BYTES else secrets.token_bytes(_FETCHED)
        self._left = left[_BYTES:]
        return left[:_BYTES]


_ids = _Ids()


def fresh_id(now: datetime) -> str:
    """A time-ordered UUID that no other job has. Within a process each is greater than those before it, also
    within a millisecond: jobs that are due in one instant start in the order of their ids."""
    return fresh_ids(now, 1)[0]


def fresh_ids(now: datetime, number: int) -> list[str]:
    """So many of them, in the order in which they grow."""
    return _ids.fresh(int(now.timestamp() * 1000), number)
