"""Finds the object that ``package.module.attribute`` or ``package.module:attribute`` names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from pg_scheduler.domain.spelling import nearest
from pg_scheduler_cli.errors import Failure, in_sentences
from pg_scheduler_cli.tracebacks import users_code


def found_at(path: str) -> object:
    """The object that the path names. The current folder is importable.

    Raises:
        Failure: there is none; the message says which part was found, and suggests a similar name.
        UsersCodeFailed: a module of the path cannot be imported.
    """
    if (folder := os.getcwd()) not in sys.path:
        sys.path.insert(0, folder)
    module, colon, attribute = path.partition(":")
    words, attributes = module.split("."), attribute.split(".") if colon else []
    if "/" in path or os.sep in path or "py" in words[1:]:
        raise Failure(in_sentences(f"{path}: expected a module, not a file", _dotted(module, attribute)))
    if not all(word.isidentifier() for word in [*words, *attributes]):
        raise Failure(f"{path}: expected package.module.function or package.module:function")
    return _Walk(path).along(words, attributes)


def _dotted(module: str, attribute: str) -> str:
    as_module = module.removeprefix("./").replace("/", ".").replace(".py", "").strip(".")
    return f"Did you mean `{as_module}:{attribute or 'main'}`?"


@dataclass
class _Walk:
    """The way along a path, word by word."""

    path: str
    so_far: str = ""

    def along(self, words: Sequence[str], attributes: Sequence[str]) -> object:
        value: object = self._top(words[0])
        for position, word in enumerate(words[1:], start=2):
            # Where a function and a module share the last name, the function is meant.
            value = self._next(value, word, attribute_first=not attributes and position == len(words))
        for word in attributes:
            value = self._attribute(value, word)
        if isinstance(value, ModuleType):
            raise Failure(in_sentences(f"{self.path} is a module", _advice(self.path, value)))
        return value

    def _top(self, word: str) -> ModuleType:
        if not _exists(word):
            here = _top_modules(Path.cwd())
            raise self._lost(f"no module {word!r} in the current folder or installed", word, here)
        return self._imported(word)

    def _imported(self, name: str) -> ModuleType:
        self.so_far = name
        with users_code(f"importing {name}"):
            return importlib.import_module(name)

    def _next(self, value: object, word: str, attribute_first: bool) -> object:
        if attribute_first and hasattr(value, word) and not isinstance(getattr(value, word), ModuleType):
            return self._attribute(value, word)
        if isinstance(value, ModuleType) and hasattr(value, "__path__"):
            name = f"{value.__name__}.{word}"
            if _exists(name):
                return self._imported(name)
        return self._attribute(value, word)

    def _attribute(self, value: object, word: str) -> object:
        if not hasattr(value, word):
            kind = "module" if isinstance(value, ModuleType) else type(value).__name__
            raise self._lost(
                f"{kind} {self.so_far!r} was found, but it has no {word!r}", word, _inside(value)
            )
        self.so_far = f"{self.so_far}.{word}"
        return getattr(value, word)

    def _lost(self, problem: str, word: str, names: Iterable[str]) -> Failure:
        near = nearest(word, names)
        meant = "" if near is None else self._with(word, near)
        return Failure(in_sentences(f"{self.path}: {problem}", f"Did you mean `{meant}`?" if meant else ""))

    def _with(self, word: str, other: str) -> str:
        """The path with another word where it went wrong."""
        before = len(self.so_far) + 1 if self.so_far else 0
        return self.path[:before] + self.path[before:].replace(word, other, 1)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:
        return module in sys.modules  # it has no spec: it was not imported in the usual way


def _top_modules(folder: Path) -> set[str]:
    """Modules and packages in a folder, those without ``__init__.py`` too."""
    plain = {one.name for one in pkgutil.iter_modules([str(folder)])}
    return plain | {file.parent.name for file in folder.glob("*/*.py") if file.parent.name.isidentifier()}


def _inside(value: object) -> set[str]:
    names = {name for name in dir(value) if not name.startswith("_")}
    paths = getattr(value, "__path__", None) if isinstance(value, ModuleType) else None
    return names | {one.name for one in pkgutil.iter_modules(paths)} if paths else names


def _advice(path: str, module: ModuleType) -> str:
    """Suggests a function of the module."""
    own = [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    ]
    if not own:
        return "Name the function in it that returns the application"
    best = nearest("main", own) or own[-1]
    return f"Did you mean `{path}{'.' if ':' not in path else ''}{best}`?"
