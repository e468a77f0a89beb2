"""Whether a test has run or looked at the jobs of a driver: else those that it leaves are forgotten ones."""

from __future__ import annotations

from weakref import WeakSet

from pg_scheduler.ports.driver import Driver

_looked_at: WeakSet[Driver] = WeakSet()


def note_look(driver: Driver) -> None:
    """The test has run the due jobs of this driver, or looked at what is scheduled there."""
    _looked_at.add(driver)


def looked_at(driver: Driver) -> bool:
    """Whether it has."""
    return driver in _looked_at
