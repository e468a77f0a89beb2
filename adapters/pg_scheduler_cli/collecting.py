"""Python's garbage collector, set for a process that does nothing but run jobs."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 20_000, 20, 10
"""After so many new objects the young ones are looked at, and after so many such looks the next generation.
Python itself looks after 700: for every fifty jobs, at whatever runs just then, for cycles that are rare."""


def collect_seldom() -> None:
    """Call it when the application is loaded: what is there now stays, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
