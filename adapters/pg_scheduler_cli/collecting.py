"""Settings of Python's garbage collector for a process that does nothing but run jobs."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 10
"""Thresholds of the three generations: the youngest is collected after this many new objects, each older one
after this many collections of the one before. Python's default of 700 means a collection every fifty jobs,
for reference cycles that are rare."""


def collect_seldom() -> None:
    """Call this once the application is loaded: objects that exist now are never examined again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
