"""A connection of the caller's, with what he says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A connection of yours to give as `connection=`, with what you say about it:
    ``connection=Borrowed(connection, autocommit=True)``."""

    connection: Any
    """What you would give without it."""
    autocommit: bool = False
    """Whether each call may commit by itself where the connection has no transaction open. Without it such a
    connection is refused: what looks like a part of your transaction would not be one."""
