"""One pinned time for many processes."""

from __future__ import annotations

import asyncio
import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_POLL = 0.03
"""Seconds between a sleeper's looks at the shared time."""


class SharedClock:
    """A Clock whose instant is eight bytes of a file that all processes map: it stands still until the
    harness moves it, for all of them at once."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)

    @classmethod
    def create(cls, path: Path, start: datetime) -> SharedClock:
        """A new file that stands at `start`."""
        path.write_bytes(bytes(8))
        clock = cls(path)
        clock.set(start)
        return clock

    def set(self, moment: datetime) -> None:
        """Move all processes to an instant. Eight aligned bytes are read and written at once."""
        struct.pack_into("<q", self._shared, 0, (moment - _EPOCH) // timedelta(microseconds=1))

    def now(self) -> datetime:
        """The instant at which the clock stands."""
        (microseconds,) = struct.unpack_from("<q", self._shared, 0)
        return _EPOCH + timedelta(microseconds=microseconds)

    def pinned(self) -> datetime | None:
        """The same: the database decides by it too."""
        return self.now()

    def monotonic(self) -> float:
        """Seconds since 1970, by this clock."""
        return (self.now() - _EPOCH).total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Return when that much of either time has passed: a worker goes on trying to reach a lost server
        although the clock stands still."""
        until, real_until = self.monotonic() + seconds, time.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := real_until - time.monotonic()) > 0 and self.monotonic() < until:
            await asyncio.sleep(min(_POLL, left))
