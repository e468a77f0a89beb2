"""Reading times whatever the connection's TimeZone and DateStyle, and whatever stands in the column."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.adapt import Loader
from psycopg.pq import Format

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_unpacked = struct.Struct(">q").unpack
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class InstantLoader(Loader):
    """timestamptz in binary: microseconds since 2000, in UTC. A time that Python has no datetime for,
    such as ``infinity``, reads as the last or the first one that it has: one such row must not keep a
    worker from reading the others."""

    format = Format.BINARY

    def load(self, data: Any) -> datetime:
        (microseconds,) = _unpacked(data)
        try:
            return _EPOCH + timedelta(0, 0, microseconds)
        except OverflowError:
            return _FIRST if microseconds < 0 else _LAST
