"""From the JSON trees of `json_codec` back to Python values."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

from pg_scheduler.domain.errors import PgSchedulerError, shown
from pg_scheduler.engine.codec.class_names import loaded_class
from pg_scheduler.engine.codec.models import model_kind


class UndecodablePayload(PgSchedulerError, ValueError):
    """A stored payload names a class that does not exist, or was not written by this codec."""


def decode(value: Any) -> Any:
    """The value that a JSON tree stands for.

    Raises:
        UndecodablePayload: a tag holds something it cannot hold.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, held),) = value.items()
        decoder = _DECODERS.get(tag)
        if decoder is not None:
            return _tagged(tag, held, decoder)
    return {key: decode(item) for key, item in value.items()}


def _tagged(tag: str, held: Any, decoder: Callable[[Any], Any]) -> Any:
    try:
        return decoder(held)
    except UndecodablePayload:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise UndecodablePayload(f"{tag} cannot be read from {shown(held)}: {error}") from error


def _enum(held: Any) -> Any:
    name, member = held
    cls = loaded_class(name)
    if cls is None or not issubclass(cls, Enum):
        raise UndecodablePayload(f"no enum {name} is loaded: import its module in the worker")
    return cls[member] if isinstance(member, str) else cls(member)


def _dataclass(held: Any) -> Any:
    name, fields = held
    cls = loaded_class(name)
    if cls is None or not dataclasses.is_dataclass(cls):
        raise UndecodablePayload(f"no dataclass {name} is loaded: import its module in the worker")
    return cls(**{field: decode(item) for field, item in fields.items()})


def _model(held: Any) -> Any:
    name, tree = held
    cls = loaded_class(name)
    model = None if cls is None else model_kind(cls)
    if cls is None or model is None:
        raise UndecodablePayload(f"no model {name} is loaded: import its module in the worker")
    return model.from_tree(cls, decode(tree))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "$datetime": datetime.fromisoformat,
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$timedelta": lambda held: timedelta(days=held[0], seconds=held[1], microseconds=held[2]),
    "$uuid": UUID,
    "$decimal": Decimal,
    "$bytes": base64.b64decode,
    "$float": float,
    "$tuple": lambda held: tuple(decode(item) for item in held),
    "$dict": lambda held: {key: decode(item) for key, item in held.items()},
    "$enum": _enum,
    "$dataclass": _dataclass,
    "$path": Path,
    "$model": _model,
}
