"""Arguments against the annotations of their parameters, where JSON's own types would not tell.

Checked is what arrives as what it was: times, ids, decimals, bytes, paths, enums, dataclasses and models. A
dict for a parameter that wants a model would arrive as a dict, and fail there; it is refused here. Numbers,
texts, lists and dicts are left to type checkers.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pg_scheduler.domain.errors import InvalidInput, shown
from pg_scheduler.engine.codec.models import model_kind

_EXACT = (date, time, timedelta, UUID, Decimal, bytes, PurePath, Enum)
_NAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.KEYWORD_ONLY,
)


@lru_cache(maxsize=1024)
def typed_parameters(func: Callable[..., Any]) -> Mapping[str, tuple[type, ...]]:
    """The classes of which an argument must be, by parameter, where that is checked. Remembered: asking takes
    long. Annotations that cannot be resolved are not looked at."""
    try:
        hints = typing.get_type_hints(func)
        parameters = inspect.signature(func).parameters
    except Exception:  # whatever a name in an annotation leads to
        return {}
    found = {
        name: _classes(hints[name])
        for name, parameter in parameters.items()
        if name in hints and parameter.kind in _NAMED
    }
    return {name: classes for name, classes in found.items() if classes}


def check_types(func: Callable[..., Any], bound: inspect.BoundArguments) -> None:
    """Refuse an argument that would not arrive as what its parameter is annotated with.

    Raises:
        InvalidInput: naming the parameter.
    """
    parameters = bound.signature.parameters
    for name, classes in typed_parameters(func).items():
        if name not in bound.arguments:
            continue
        value, default = bound.arguments[name], parameters[name].default
        if not isinstance(value, classes) and value is not default:
            wanted = " or ".join(cls.__qualname__ for cls in classes if cls is not types.NoneType)
            raise InvalidInput(name, f"expected {wanted}, got {shown(value)}")


def _classes(hint: Any) -> tuple[type, ...]:
    """What a value may be; nothing if that is not for us to say."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [_classes(one) if one is not types.NoneType else (one,) for one in typing.get_args(hint)]
        return tuple(cls for member in members for cls in member) if all(members) else ()
    return (hint,) if isinstance(hint, type) and _is_exact(hint) else ()


def _is_exact(cls: type) -> bool:
    if typing.get_origin(cls) is not None:
        return False
    return issubclass(cls, _EXACT) or dataclasses.is_dataclass(cls) or model_kind(cls) is not None
