"""What a function is called in the database, so that every process means the same function by it."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import secrets
from collections.abc import Callable
from typing import Any

from pg_scheduler.domain.errors import InvalidInput, UnencodablePayload
from pg_scheduler.domain.identity import checked_name
from pg_scheduler.engine.codec.class_names import main_module_name
from pg_scheduler.engine.codec.json_codec import JsonCodec

_INCARNATION = secrets.token_hex(4)
_serial = itertools.count(1)
_REMEMBERED = "__pg_scheduler_name__"


def task_name_of(func: Callable[..., Any]) -> str:
    """``module:qualname``, and a suffix for a function that carries captured values.

    Two closures of one ``def`` are two tasks: the suffix is a digest of what they captured, where JSON
    can carry it, so that a restarted process finds its own again; otherwise it is unique to this
    process, and the job runs in this process or not at all.

    Raises:
        InvalidInput: the object has no name of its own (a partial, a callable object, a lambda).
    """
    module = getattr(func, "__module__", None)
    qualname = getattr(func, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(qualname, str) or "<lambda>" in qualname:
        raise InvalidInput("func", f"{func!r} has no name", "Register it: scheduler.register(func, name=...)")
    if module == "__main__":
        module = main_module_name()
    return checked_name("task name", f"{module}:{qualname}{_suffix(func)}")


def name_of_its_own(name: str) -> str:
    """A task name for this process only, for a function that shares `name` with another."""
    return checked_name("task name", name + _own_suffix())


def _own_suffix() -> str:
    return f"@{_INCARNATION}.{next(_serial)}"


def _suffix(func: Callable[..., Any]) -> str:
    captured = captured_by(func)
    if not captured:
        return ""
    # Asked again after the captured list has grown, the same function must keep its name.
    owner = getattr(func, "__func__", func)
    remembered = getattr(owner, _REMEMBERED, None)
    if remembered is not None and remembered[0] is getattr(func, "__self__", None):
        return str(remembered[1])
    try:
        text = JsonCodec().encode_result(captured)
        suffix = f"#{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    except UnencodablePayload:
        suffix = _own_suffix()
    setattr(owner, _REMEMBERED, (getattr(func, "__self__", None), suffix))
    return suffix


def captured_by(func: Callable[..., Any]) -> dict[str, Any]:
    """What makes this function object differ from another of the same ``def``."""
    captured: dict[str, Any] = {}
    if inspect.ismethod(func):
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
