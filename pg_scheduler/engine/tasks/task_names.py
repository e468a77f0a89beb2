"""What a function is called in the database, so that every process means the same function by it."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import re
import secrets
import sys
import weakref
from collections.abc import Callable
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, UnencodablePayload
from pg_scheduler.domain.identity import bare_name, checked_name
from pg_scheduler.engine.codec.class_names import main_module_name
from pg_scheduler.engine.codec.json_codec import JsonCodec
from pg_scheduler.ports.forks import forget_in_forks

_REMEMBERED = "__pg_scheduler_name__"
_OF_ONE_PROCESS = re.compile(r"@[0-9a-f]{8}\.[0-9]+\Z")
_DIGEST = re.compile(r"#[0-9a-f]{8}\Z")


class _Incarnation:
    """What tells the names of this process from those of all others, the one it was forked from included."""

    def __init__(self) -> None:
        self.draw()
        forget_in_forks(self, _Incarnation.draw)

    def draw(self) -> None:
        """Begin anew."""
        self.mark = secrets.token_hex(4)
        self._serial = itertools.count(1)

    def suffix(self) -> str:
        """One that no other name has."""
        return f"@{self.mark}.{next(self._serial)}"


_incarnation = _Incarnation()


def is_of_one_process(name: str) -> bool:
    """True if only the process that made the name knows what it means."""
    return _OF_ONE_PROCESS.search(name) is not None


def is_of_this_process(name: str) -> bool:
    """True if only this process knows what the name means."""
    return f"@{_incarnation.mark}." in name and is_of_one_process(name)


def is_of_its_values(name: str, func: Callable[..., Any]) -> bool:
    """True if the name of this function tells the values that it captured, and nobody chose it."""
    return _DIGEST.search(name) is not None and name in own_names(func)


def task_name_of(func: Callable[..., Any]) -> str:
    """``module:qualname``, and a suffix for a function that carries captured values.

    Two closures of one ``def`` are two tasks: the suffix is a digest of what they captured, where JSON
    can carry it, so that a restarted process finds its own again; otherwise it is unique to this
    process, and the job runs in this process or not at all.

    Raises:
        InvalidInput: the object has no name of its own (a partial, a callable object, a lambda).
    """
    module, qualname = _place_of(func)
    if not isinstance(module, str) or not isinstance(qualname, str) or "<lambda>" in qualname:
        raise InvalidInput("func", f"{func!r} has no name", "Register it: scheduler.register(func, name=...)")
    if module == "__main__":
        module = main_module_name()
    return checked_name("task name", f"{module}:{qualname}{_suffix(func)}")


def own_names(func: object) -> tuple[str, ...]:
    """What the jobs of a function are called if nobody gives it a name; none if it has no name."""
    try:
        name = task_name_of(func)  # type: ignore[arg-type]
    except InvalidInput:
        return ()
    return () if is_of_one_process(name) else (name, bare_name(name))


def address_of(func: Callable[..., Any]) -> tuple[str, str] | None:
    """Module and qualified name by which another process finds the function; None if none can."""
    module, qualname = _place_of(func)
    bound = inspect.ismethod(func) and not _is_classmethod(func)
    if not isinstance(module, str) or not isinstance(qualname, str) or "<" in qualname or bound:
        return None
    return module, qualname


def _place_of(func: Callable[..., Any]) -> tuple[Any, Any]:
    """Module and qualified name; a class method's are those of the class that it was taken from."""
    if _is_classmethod(func):
        of: type = func.__self__  # type: ignore[attr-defined]
        return of.__module__, f"{of.__qualname__}.{func.__name__}"
    return getattr(func, "__module__", None), getattr(func, "__qualname__", None)


def _is_classmethod(func: object) -> bool:
    """True for a class method that is found again by its class and name."""
    if not inspect.ismethod(func) or not isinstance(func.__self__, type):
        return False
    of = func.__self__
    found: Any = sys.modules.get(of.__module__)
    for part in (*of.__qualname__.split("."), func.__name__):
        found = getattr(found, part, None)
    return bool(found == func)


def name_of_its_own(name: str) -> str:
    """A task name for this process only, for a function that shares `name` with another."""
    return checked_name("task name", name + _incarnation.suffix())


def _suffix(func: Callable[..., Any]) -> str:
    captured = captured_by(func)
    if not captured:
        return ""
    # Asked again after the captured list has grown, the same function must keep its name.
    owner = getattr(func, "__func__", func)
    remembered = getattr(owner, _REMEMBERED, None)
    if remembered is not None and remembered[0]() is getattr(func, "__self__", None):
        suffix = str(remembered[1])
        if not is_of_one_process(suffix) or is_of_this_process(suffix):
            return suffix
    try:
        text = JsonCodec().encode_result(captured)
        suffix = f"#{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    except UnencodablePayload:
        suffix = _incarnation.suffix()
    setattr(owner, _REMEMBERED, (_reference(getattr(func, "__self__", None)), suffix))
    return suffix


def _reference(value: object) -> Callable[[], object]:
    """Gives the value as long as somebody else keeps it, if it can be told."""
    try:
        return weakref.ref(value)
    except TypeError:
        return lambda: value


def captured_by(func: Callable[..., Any]) -> dict[str, Any]:
    """What makes this function object differ from another of the same ``def``."""
    captured: dict[str, Any] = {}
    if inspect.ismethod(func) and not _is_classmethod(func):
        captured["self"] = func.__self__
    plain = inspect.unwrap(getattr(func, "__func__", func))
    names = getattr(getattr(plain, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(plain, "__closure__", None) or (), strict=False):
        try:
            captured[name] = cell.cell_contents
        except ValueError:  # not assigned yet, e.g. a function that names itself
            captured[name] = None
    if "<locals>" in getattr(plain, "__qualname__", ""):
        defaults = getattr(plain, "__defaults__", None)
        if defaults:
            captured["defaults"] = defaults
        if getattr(plain, "__kwdefaults__", None):
            captured["kwdefaults"] = plain.__kwdefaults__
    return captured
