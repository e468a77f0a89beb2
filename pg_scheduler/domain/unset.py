"""Not given, where None would mean something."""

from __future__ import annotations

from typing import Final, TypeVar

_T = TypeVar("_T")


class Unset:
    """The type of "not given", where None means something else."""

    def __repr__(self) -> str:
        return "<unset>"


UNSET: Final = Unset()


def first_given(*values: _T | Unset, otherwise: _T) -> _T:
    """The first value that was given; `otherwise` if none was."""
    for value in values:
        if not isinstance(value, Unset):
            return value
    return otherwise
