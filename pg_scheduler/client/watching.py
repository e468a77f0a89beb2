"""Who may be told what the engine does."""

from __future__ import annotations

from typing import Any

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.domain.inputs import checked_items
from pg_scheduler.ports.observer import EventObserver, Observer

METHODS = ("observe", "job_started", "job_settled", "pass_finished")


def checked_observers(observers: object) -> list[Observer | EventObserver]:
    """Observers, each with a method at least that is ever called.

    Raises:
        InvalidInput: naming the first that has none.
    """
    found: list[Any] = checked_items("observers", observers, object, "observer")
    for observer in found:
        if not any(callable(getattr(observer, method, None)) for method in METHODS):
            raise InvalidInput(
                "observers",
                f"{shown(observer)} would never be told anything",
                f"Give it {' or '.join(METHODS)}",
            )
    return found
