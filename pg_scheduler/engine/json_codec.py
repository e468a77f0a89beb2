"""The default Codec: JSON that brings back the types it was given.

A value JSON has no word for becomes an object with one key that starts with ``$``::

    datetime -> {"$datetime": "2030-01-01T09:00:00+00:00"}     Decimal -> {"$decimal": "1.10"}
    date     -> {"$date": "2030-01-01"}                        bytes   -> {"$bytes": "<base64>"}
    timedelta-> {"$timedelta": [days, seconds, microseconds]}  tuple   -> {"$tuple": [...]}
    UUID     -> {"$uuid": "..."}                               float   -> {"$float": "1e+22"} (*)
    Enum     -> {"$enum": ["module:Class", "NAME"]}            dict    -> {"$dict": {...}} (**)
    dataclass-> {"$dataclass": ["module:Class", {field: ...}]}

(*) only floats that PostgreSQL's jsonb, which keeps numbers as decimals, would give back as something
else. (**) only dicts that look like one of these.

Classes of enums and dataclasses are looked up among modules that are imported already, and must be an
enum or a dataclass: nothing is imported, and nothing else is called, because a row says so.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pg_scheduler.domain.errors import PgSchedulerError, UnencodablePayload

MAX_DEPTH = 64
"""Deepest nesting of arguments; far above what people write, far below the recursion limit."""
MAX_BYTES = 10 * 1024 * 1024
"""Longest encoded payload. Large data belongs in a table or an object store, its key in the job."""


class UndecodablePayload(PgSchedulerError, ValueError):
    """A stored payload names a class that is not there, or is not of this codec's making."""


class JsonCodec:
    """JSON with type tags; refuses by name what it cannot carry. `max_bytes` bounds one job's payload."""

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes

    def encode_arguments(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """The stored ``task_data`` text; equal arguments give equal text."""
        return self._text(
            "arguments",
            {
                "args": [_encode(value, f"args[{at}]", 0) for at, value in enumerate(args)],
                "kwargs": {
                    _string(key, "kwargs"): _encode(value, f"kwargs[{key!r}]", 0)
                    for key, value in kwargs.items()
                },
            },
        )

    def decode_arguments(self, task_data: str) -> tuple[list[Any], dict[str, Any]]:
        """The arguments; both empty where the row holds none."""
        stored = json.loads(task_data) or {}
        return (
            [_decode(value) for value in stored.get("args") or ()],
            {key: _decode(value) for key, value in (stored.get("kwargs") or {}).items()},
        )

    def encode_result(self, value: Any) -> str:
        """A return value as JSON text."""
        return self._text("result", _encode(value, "result", 0))

    def decode_result(self, text: str) -> Any:
        """The return value."""
        return _decode(json.loads(text))

    def _text(self, what: str, tree: Any) -> str:
        try:
            text = json.dumps(
                tree, allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":")
            )
        except ValueError as error:  # an int of more digits than Python is willing to print
            raise UnencodablePayload(what, str(error)) from error
        size = len(text.encode())
        if size > self._max_bytes:
            raise UnencodablePayload(
                what,
                f"{size} bytes encoded; the limit is {self._max_bytes}",
                "Store the data elsewhere and pass its key",
            )
        return text


def _encode(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise UnencodablePayload(path[:80], f"nested more than {MAX_DEPTH} deep")
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if isinstance(value, Enum):
        return {"$enum": [_class_name(kind, path), value.name]}
    if isinstance(value, str):
        return _string(value, path)
    if kind is int:
        return value
    if kind is float:
        return _float(value, path)
    if kind is dict:
        return _mapping(value, path, depth)
    if kind is list:
        return [_encode(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
    if kind is tuple:
        return {"$tuple": [_encode(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]}
    if dataclasses.is_dataclass(kind):
        return _dataclass(value, path, depth)
    scalar = _SCALARS.get(kind)
    if scalar is None:
        raise UnencodablePayload(
            path,
            f"{kind.__module__}.{kind.__qualname__} cannot be stored as JSON",
            "Pass something JSON can carry, such as an id, and load the object inside the task",
        )
    return scalar(value, path)


def _string(value: str, path: str) -> str:
    text = str.__str__(value)
    if "\x00" in text:
        raise UnencodablePayload(path, "holds a NUL character, which PostgreSQL cannot store")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnencodablePayload(path, "holds a lone surrogate, which is not a character") from None
    return text


def _float(value: float, path: str) -> Any:
    if not math.isfinite(value):
        raise UnencodablePayload(path, f"{value} is not a JSON number", "Pass None or a string")
    shown = repr(value)
    # jsonb writes 1e+22 out in full, which reads back as an int, and forgets the sign of zero.
    return {"$float": shown} if "e+" in shown or shown == "-0.0" else value


def _mapping(value: dict[Any, Any], path: str, depth: int) -> Any:
    for key in value:
        if not isinstance(key, str):
            raise UnencodablePayload(path, f"keys must be str, got {key!r}")
    encoded = {
        _string(key, f"{path} key"): _encode(item, f"{path}[{key!r}]", depth + 1)
        for key, item in value.items()
    }
    looks_tagged = len(encoded) == 1 and next(iter(encoded)).startswith("$")
    return {"$dict": encoded} if looks_tagged else encoded


def _dataclass(value: Any, path: str, depth: int) -> Any:
    fields = {
        field.name: _encode(getattr(value, field.name), f"{path}.{field.name}", depth + 1)
        for field in dataclasses.fields(value)
        if field.init
    }
    return {"$dataclass": [_class_name(type(value), path), fields]}


def _class_name(cls: type, path: str) -> str:
    name = f"{cls.__module__}:{cls.__qualname__}"
    if _find_class(name) is not cls:
        raise UnencodablePayload(
            path, f"class {name} cannot be found by its name", "Define it at the top level of a module"
        )
    return name


def _find_class(name: str) -> Any:
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _decimal(value: Decimal, path: str) -> Any:
    if not value.is_finite():
        raise UnencodablePayload(path, f"Decimal {value} is not a finite number")
    return {"$decimal": str(value)}


_SCALARS: dict[type, Callable[[Any, str], Any]] = {
    datetime: lambda value, path: {"$datetime": value.isoformat()},
    date: lambda value, path: {"$date": value.isoformat()},
    time: lambda value, path: {"$time": value.isoformat()},
    timedelta: lambda value, path: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    UUID: lambda value, path: {"$uuid": str(value)},
    Decimal: _decimal,
    bytes: lambda value, path: {"$bytes": base64.b64encode(value).decode()},
}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, held),) = value.items()
        decoder = _DECODERS.get(tag)
        if decoder is not None:
            return decoder(held)
    return {key: _decode(item) for key, item in value.items()}


def _decode_enum(held: Any) -> Any:
    name, member = held
    cls = _find_class(name)
    if not (isinstance(cls, type) and issubclass(cls, Enum)):
        raise UndecodablePayload(f"no enum {name} is loaded: import its module in the worker")
    return cls[member]


def _decode_dataclass(held: Any) -> Any:
    name, fields = held
    cls = _find_class(name)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise UndecodablePayload(f"no dataclass {name} is loaded: import its module in the worker")
    return cls(**{field: _decode(item) for field, item in fields.items()})


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda held: timedelta(days=held[0], seconds=held[1], microseconds=held[2]),
    "$uuid": UUID,
    "$decimal": Decimal,
    "$bytes": base64.b64decode,
    "$float": float,
    "$tuple": lambda held: tuple(_decode(item) for item in held),
    "$dict": lambda held: {key: _decode(item) for key, item in held.items()},
    "$enum": _decode_enum,
    "$dataclass": _decode_dataclass,
}
