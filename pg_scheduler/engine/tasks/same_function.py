"""When two function objects are the same task."""

from __future__ import annotations

from typing import Any

from pg_scheduler.engine.tasks.task_names import captured_by


def hashable(func: object) -> bool:
    """A callable object need not be, whatever its class says."""
    try:
        hash(func)
    except TypeError:
        return False
    return True


def same_code(one: Any, other: Any) -> bool:
    """True if both are functions of one ``def``, whatever they captured."""
    code = getattr(one, "__code__", None)
    return code is not None and code == getattr(other, "__code__", None)


def same_function(one: Any, other: Any, under_way: frozenset[tuple[int, int]] = frozenset()) -> bool:
    """True if two function objects do the same: one object, or one ``def`` executed again (a reload, a
    test that runs twice) that captured the same values. What can change is the same only if it is one
    object."""
    if one is other or (id(one), id(other)) in under_way:
        return True
    if not same_code(one, other):
        return hashable(one) and bool(one == other)
    mine, theirs = captured_by(one), captured_by(other)
    under_way |= {(id(one), id(other))}  # a function may well capture itself
    return mine.keys() == theirs.keys() and all(
        same_function(value, theirs[name], under_way) for name, value in mine.items()
    )
