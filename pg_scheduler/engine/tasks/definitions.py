"""Where a function was defined, and whether another one is its new definition."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType
from typing import Any


@dataclass(frozen=True, slots=True)
class Definition:
    """The ``def`` that made a function, in one execution of its module."""

    module: str
    qualname: str
    code: CodeType | None
    """None for what has no code of Python's."""
    execution: object
    """The module's import spec, of which a reload makes another; None in a notebook or a script."""

    @classmethod
    def of(cls, func: Callable[..., Any]) -> Definition:
        """That of a function, which has just been defined."""
        plain = inspect.unwrap(getattr(func, "__func__", func))
        spec = getattr(sys.modules.get(func.__module__), "__spec__", None)
        return cls(func.__module__, func.__qualname__, getattr(plain, "__code__", None), spec)

    @property
    def line(self) -> int:
        """Where it begins in its file."""
        return 0 if self.code is None else self.code.co_firstlineno

    def replaces(self, earlier: Definition) -> bool:
        """True if the source of `earlier` was executed once more, and possibly edited before: a reload, a
        notebook cell. Functions that were made side by side replace nothing."""
        same_place = (self.module, self.qualname) == (earlier.module, earlier.qualname)
        return same_place and not self.beside(earlier)

    def beside(self, other: Definition) -> bool:
        """True if both were made side by side: by one ``def`` in a loop or factory, or by two of one file."""
        if self.code is None or other.code is None or self.execution is not other.execution:
            return False
        # A cell of a notebook has a file name of its own, and each line of an interactive session is line 1.
        one_file = self.code.co_filename == other.code.co_filename
        return self.code is other.code or (one_file and self.code.co_firstlineno != other.code.co_firstlineno)


def redefined(earlier: Callable[..., Any], func: Callable[..., Any]) -> bool:
    """True if `func` is an edited cell of a notebook, or its like in an interactive session, and takes the
    place of `earlier`. A module is not asked: what it defines twice may be two functions."""
    mine, theirs = (_of_interactive(one) for one in (func, earlier))
    return mine is not None and theirs is not None and mine.replaces(theirs)


def _of_interactive(func: Callable[..., Any]) -> Definition | None:
    names = (getattr(func, "__module__", None), getattr(func, "__qualname__", None))
    if not all(isinstance(name, str) for name in names):
        return None
    definition = Definition.of(func)
    return definition if definition.execution is None and definition.code is not None else None
