"""Running coroutines that never wait, where there is no event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


def run_now(work: Coroutine[Any, Any, _T]) -> _T:
    """The result of a coroutine that has nothing to wait for but blocking calls.

    Raises:
        RuntimeError: it wants an event loop after all.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        result: _T = ended.value
        return result
    work.close()
    raise RuntimeError("this needs an event loop: use Queries in async code")
