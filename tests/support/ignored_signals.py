"""Signals that a shell lets a program ignore, and the processes that this one starts."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MAYBE_IGNORED = (signal.SIGINT, signal.SIGHUP)
"""A shell ignores the first for what its scripts start in the background, nohup the second."""


def spare_children() -> None:
    """Go on ignoring those signals that are ignored, and let children start with the default all the same.

    An ignored signal stays ignored in a new program, one with a handler does not.
    """
    for number in MAYBE_IGNORED:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _do_nothing)


@contextmanager
def ignoring(*numbers: signal.Signals) -> Iterator[None]:
    """What starts in the block starts with these signals ignored."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    pass
