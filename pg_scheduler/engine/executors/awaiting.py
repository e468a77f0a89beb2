"""Whether what a function returned has to be awaited."""

from __future__ import annotations

import inspect
from types import GeneratorType
from typing import Any


def must_be_awaited(result: Any) -> bool:
    """True for coroutines, futures and the like. Only the type is asked: what the function did is done, and
    a result whose attributes raise must not undo it."""
    kind = type(result)
    return hasattr(kind, "__await__") or (kind is GeneratorType and inspect.isawaitable(result))
