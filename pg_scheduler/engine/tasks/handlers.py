"""Functions that are called with the job itself, and so run no job but those of the name they were given."""

from __future__ import annotations

from contextlib import suppress
from weakref import WeakSet

_handlers: WeakSet[object] = WeakSet()


def note_handler(func: object) -> None:
    """It handles the jobs of an entrypoint, or the windows of a schedule; in the whole process, whichever
    registry it was given to."""
    with suppress(TypeError):  # neither hashable nor a function that a name leads to
        _handlers.add(func)


def is_handler(func: object) -> bool:
    """True if it must not be called with what a job was scheduled with."""
    try:
        return func in _handlers
    except TypeError:
        return False
