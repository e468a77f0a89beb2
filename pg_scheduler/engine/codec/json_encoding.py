"""From Python values to the JSON trees of `json_codec`."""

from __future__ import annotations

import base64
import dataclasses
import inspect
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from pg_scheduler.domain.errors import UnencodablePayload, shown
from pg_scheduler.engine.codec.class_names import class_name, loaded_class
from pg_scheduler.engine.codec.models import ModelKind, model_kind

MAX_DEPTH = 64
"""Deepest nesting of arguments; far above what people write, far below the recursion limit."""
MAX_VALUES = 1_000_000
"""Most values in one payload. One list can stand in another any number of times, so a small object may be
an endless text."""

MAX_BITS = 13_000
"""Largest int: some 3,900 digits, a few less than Python is willing to read back."""


class Encoder:
    """Encodes the values of one payload. `path` says where a value is, for error messages."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def encode(self, value: Any, path: str, depth: int = 0) -> Any:
        """The JSON tree of a value.

        Raises:
            UnencodablePayload: naming the path and the type.
        """
        self._left -= 1
        if self._left < 0:
            raise UnencodablePayload(path[:80], f"more than {MAX_VALUES} values in one payload")
        if depth > MAX_DEPTH:
            raise UnencodablePayload(path[:80], f"nested more than {MAX_DEPTH} deep")
        if value is None or value is True or value is False:
            return value
        kind = type(value)
        scalar = _SCALARS.get(kind)
        if scalar is not None:
            return scalar(value, path)
        if isinstance(value, Enum):
            return _enum(value, path)
        if isinstance(value, str):
            return text(value, path)
        if kind is list:
            return self._items(value, path, depth)
        if kind is tuple:
            return {"$tuple": self._items(value, path, depth)}
        if kind is dict:
            return self._mapping(value, path, depth)
        if dataclasses.is_dataclass(kind):
            return self._dataclass(value, path, depth)
        if isinstance(value, Path):
            return {"$path": text(str(value), path)}
        if (model := model_kind(kind)) is not None:
            return self._model(model, value, path, depth)
        raise UnencodablePayload(
            path,
            f"{kind.__module__}.{kind.__qualname__} cannot be stored as JSON",
            "Pass something JSON can carry, such as an id, and load the object inside the task",
        )

    def _items(self, items: list[Any] | tuple[Any, ...], path: str, depth: int) -> list[Any]:
        return [self.encode(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(items)]

    def _mapping(self, value: dict[Any, Any], path: str, depth: int) -> Any:
        for key in value:
            if not isinstance(key, str):
                raise UnencodablePayload(path, f"keys must be str, got {shown(key)}")
        encoded = {
            text(key, f"{path} key"): self.encode(item, f"{path}[{shown(key)}]", depth + 1)
            for key, item in value.items()
        }
        looks_tagged = len(encoded) == 1 and next(iter(encoded)).startswith("$")
        return {"$dict": encoded} if looks_tagged else encoded

    def _dataclass(self, value: Any, path: str, depth: int) -> Any:
        kind: type = type(value)
        name, problem = _name_of(kind, path), _cannot_be_made(kind)
        if problem is not None:
            raise UnencodablePayload(path, f"{name} cannot be made of its fields again: {problem}")
        fields = {
            field: self.encode(getattr(value, field), f"{path}.{field}", depth + 1)
            for field in _fields_to_make(kind)
        }
        return {"$dataclass": [name, fields]}

    def _model(self, model: ModelKind, value: Any, path: str, depth: int) -> Any:
        name = _name_of(type(value), path)
        try:
            tree = model.to_tree(value)
            same = model.from_tree(type(value), tree) == value
        except Exception as error:  # whatever a model's own code does
            raise UnencodablePayload(path, f"{name} cannot be made of its fields again: {error}") from error
        if not same:
            raise UnencodablePayload(path, f"{name} would come back as another: {shown(value)}")
        return {"$model": [name, self.encode(tree, path, depth + 1)]}


def text(value: str, path: str) -> str:
    """A plain str that PostgreSQL's jsonb can hold.

    Raises:
        UnencodablePayload: a NUL or a lone surrogate.
    """
    plain = str.__str__(value)
    if "\x00" in plain:
        raise UnencodablePayload(path, "holds a NUL character, which PostgreSQL cannot store")
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise UnencodablePayload(path, "holds a lone surrogate, which is not a character") from None
    return plain


def _fields_to_make(cls: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.init]


@cache
def _cannot_be_made(cls: type) -> str | None:
    """Why the class asks for more than its fields (an InitVar, an `__init__` of its own), or None."""
    try:
        inspect.signature(cls).bind(**dict.fromkeys(_fields_to_make(cls)))
    except (TypeError, ValueError) as error:
        return str(error)
    return None


def _name_of(cls: type, path: str) -> str:
    name = class_name(cls)
    if loaded_class(name) is not cls:
        raise UnencodablePayload(
            path, f"class {name} cannot be found by its name", "Define it at the top level of a module"
        )
    return name


def _enum(value: Enum, path: str) -> Any:
    cls = type(value)
    # Flags are told by their number: a combination of them is no member and has no name of its own.
    member = value.value if isinstance(value, Flag) else value.name
    return {"$enum": [_name_of(cls, path), member]}


def _int(value: int, path: str) -> int:
    if value.bit_length() > MAX_BITS:
        raise UnencodablePayload(path, f"an int of {value.bit_length()} bits; the limit is {MAX_BITS}")
    return value


def _float(value: float, path: str) -> Any:
    if not math.isfinite(value):
        raise UnencodablePayload(path, f"{value} is not a JSON number", "Pass None or a string")
    written = repr(value)
    # jsonb writes 1e+22 out in full, which reads back as an int, and forgets the sign of zero.
    return {"$float": written} if "e+" in written or written == "-0.0" else value


def _decimal(value: Decimal, path: str) -> Any:
    if not value.is_finite():
        raise UnencodablePayload(path, f"Decimal {value} is not a finite number")
    return {"$decimal": str(value)}


def _time(value: time, path: str) -> Any:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise UnencodablePayload(
            path, f"a time in {shown(value.tzinfo)} has no offset without a date", "Pass a datetime"
        )
    return {"$time": value.isoformat()}


_SCALARS: dict[type, Callable[[Any, str], Any]] = {
    int: _int,
    float: _float,
    datetime: lambda value, path: {"$datetime": value.isoformat()},
    date: lambda value, path: {"$date": value.isoformat()},
    time: _time,
    timedelta: lambda value, path: {"$timedelta": [value.days, value.seconds, value.microseconds]},
    UUID: lambda value, path: {"$uuid": str(value)},
    Decimal: _decimal,
    bytes: lambda value, path: {"$bytes": base64.b64encode(value).decode()},
}
