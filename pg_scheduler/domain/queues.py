"""Queues: the names under which jobs wait apart from each other."""

from __future__ import annotations

from collections.abc import Collection

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name

DEFAULT_QUEUE = "default"
"""Where jobs wait that were given no other queue."""


def checked_queue(name: object) -> str:
    """The name of a queue.

    Raises:
        InvalidInput: not a str, empty, longer than 255 characters, or with a control character.
    """
    return checked_name("queue", name)


def checked_queues(names: object) -> frozenset[str] | None:
    """The queues that a worker serves; None: all.

    Raises:
        InvalidInput: neither None nor names of queues, or none at all.
    """
    if names is None:
        return None
    if isinstance(names, str) or not isinstance(names, Collection) or not names:
        raise InvalidInput(
            "queues",
            f"expected names of queues, got {shown(names)}",
            'For example ["default"], or None for all',
        )
    return frozenset(checked_queue(name) for name in names)
