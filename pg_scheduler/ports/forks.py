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


_of_parent: list[object] = []


def leave_to_parent(*what: object) -> None:
    """Keep what is the parent's as it is: nothing that its end would do (say goodbye, run the rest of a task)
    is this process' business."""
    _of_parent.extend(what)


def cut_off(file_number: int) -> None:
    """In a forked process: a socket of the parent's is another one here, on which nobody listens. Whatever
    still writes to it, or closes it, does not reach whom the parent talks to; and the other side notices when
    the parent dies."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(nowhere, file_number, inheritable=False)
    finally:
        os.close(nowhere)


def _in_child() -> None:
    for owner, forget in list(_owners.items()):
        forget(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
