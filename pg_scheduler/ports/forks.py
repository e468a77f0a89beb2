"""What a process forgets when it is forked: what is its parent's, and locks that nobody there gives back."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar
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


class Closes(Protocol):
    """A connection."""

    async def close(self) -> None:
        """Say goodbye to the other side."""


_Connection = TypeVar("_Connection", bound=Closes)


async def kept_from_forks(
    connect: Callable[[], Awaitable[_Connection]], cut: Callable[[_Connection], None]
) -> _Connection:
    """A connection that no process has that is forked from this one; `cut` cuts it off there.

    One that is forked while the connection is being made has a copy of its socket that nobody can tell it of.
    Another connection is made then.
    """
    while True:
        ended = _forks.ended
        connection = await connect()
        forget_in_forks(connection, cut)
        if _forks.begun == ended:
            return connection
        await connection.close()


class _Forks:
    """How often this process was forked. Other threads run while it is."""

    def __init__(self) -> None:
        self.begun = self.ended = 0

    def begin(self) -> None:
        self.begun += 1

    def end(self) -> None:
        self.ended += 1


_forks = _Forks()


def _in_child() -> None:
    _forks.end()
    for owner, forget in list(_owners.items()):
        forget(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks.begin, after_in_parent=_forks.end, after_in_child=_in_child)
