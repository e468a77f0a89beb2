"""What a process forgets when it is forked: what is its parent's, and locks that nobody there gives back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

_T = TypeVar("_T")
_owners: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def forget_in_forks(owner: _T, forget: Callable[[_T], None]) -> None:
    """Call `forget(owner)` in every process that is forked from this one, as long as the owner lives; in the
    order of these calls."""
    _owners[owner] = forget


def _in_child() -> None:
    for owner, forget in list(_owners.items()):
        forget(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
