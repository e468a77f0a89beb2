"""Queues: the names under which jobs wait apart from each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.domain.inputs import checked_positive

DEFAULT_QUEUE = "default"
"""Where jobs wait that were given no other queue."""


def checked_queue(name: object) -> str:
    """The name of a queue.

    Raises:
        InvalidInput: not a str, empty, longer than 255 characters, or with a control character.
    """
    return checked_name("queue", name)


@dataclass(frozen=True, slots=True)
class QueueGroup:
    """Queues that a worker serves together."""

    queues: frozenset[str] | None = None
    """None: all there are."""
    slots: int | None = None
    """How many of their jobs it runs at once; None: as many as it has slots."""


Served: TypeAlias = Collection[str] | Mapping[str, int | None]
"""Names of queues; or slots by name, None for those that have none of their own."""

ALL_QUEUES = (QueueGroup(),)


def queue_groups(served: Served | None) -> tuple[QueueGroup, ...]:
    """The groups of queues that a worker serves; None: all in one. Each queue with slots of its own is a
    group, the others are one together.

    Raises:
        InvalidInput: neither None nor names of queues, or none at all; slots that are no whole number from 1.
    """
    if served is None:
        return ALL_QUEUES
    if isinstance(served, str) or not isinstance(served, Collection) or not served:
        raise InvalidInput(
            "queues",
            f"expected names of queues, got {shown(served)}",
            'For example ["default"], or None for all',
        )
    slots: Mapping[str, int | None] = served if isinstance(served, Mapping) else dict.fromkeys(served)
    others = frozenset(checked_queue(name) for name, number in slots.items() if number is None)
    own = [
        QueueGroup(frozenset([checked_queue(name)]), checked_positive(f"queues: {name}", number))
        for name, number in slots.items()
        if number is not None
    ]
    return (*own, QueueGroup(others)) if others else tuple(own)


def with_slots(groups: Collection[QueueGroup], capacity: int) -> tuple[QueueGroup, ...]:
    """The groups of a worker with so many slots: queues without a number share what the others leave.

    Raises:
        InvalidInput: they want more than there are.
    """
    taken = sum(group.slots or 0 for group in groups)
    wanted = taken + any(group.slots is None for group in groups)
    if wanted > capacity:
        raise InvalidInput(
            "queues",
            f"they need {wanted} slots, and the worker runs {capacity} jobs at once",
            f"Give it max_concurrent_jobs={wanted} (pgq run: --concurrency {wanted})",
        )
    return tuple(
        replace(group, slots=capacity - taken) if group.slots is None and taken else group for group in groups
    )
