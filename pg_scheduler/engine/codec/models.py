"""Models of pydantic's and structs of msgspec's, where the program has imported these libraries."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class ModelKind(NamedTuple):
    """How the models of one library become JSON trees, and are made of them again."""

    to_tree: Callable[[Any], Any]
    from_tree: Callable[[type, Any], Any]
    """Raises ValueError for a tree that does not fit."""


def model_kind(cls: type) -> ModelKind | None:
    """Whose model a class is; None if it is none. Nothing is imported to find out."""
    main: Any = sys.modules.get("pydantic.main")
    if main is not None and issubclass(cls, main.BaseModel):
        return _PYDANTIC
    msgspec: Any = sys.modules.get("msgspec")
    if msgspec is not None and issubclass(cls, msgspec.Struct):
        return _MSGSPEC
    return None


def _pydantic_to_tree(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, round_trip=True)


def _pydantic_from_tree(cls: Any, tree: Any) -> Any:
    # From text: then strict models, too, take a string for a datetime.
    return cls.model_validate_json(json.dumps(tree))


def _msgspec_to_tree(value: Any) -> Any:
    return sys.modules["msgspec"].to_builtins(value, str_keys=True)


def _msgspec_from_tree(cls: Any, tree: Any) -> Any:
    msgspec: Any = sys.modules["msgspec"]
    try:
        return msgspec.convert(tree, cls, str_keys=True)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


_PYDANTIC = ModelKind(_pydantic_to_tree, _pydantic_from_tree)
_MSGSPEC = ModelKind(_msgspec_to_tree, _msgspec_from_tree)
