"""Ways to fail that are hard to write down. Plain functions at the top level: any executor can run them."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pg_scheduler import RetryAfter, Snooze


class Fault(Exception):
    """The usual one."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Quitter(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class Numeric(Exception):
    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Trap(str):
    """A text whose methods must not be called."""

    def _sprung(self, *args: object, **more: object) -> Any:
        raise RuntimeError("sprung")

    replace = encode = __format__ = __bool__ = __len__ = __add__ = _sprung


class Trapped(Exception):
    def __str__(self) -> str:
        return Trap("a text with methods of its own")


class Nameless:
    def __repr__(self) -> str:
        raise RuntimeError("no name")


class Annotated(Exception):
    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        raise RuntimeError("no notes")


class Undecided(Exception):
    def __bool__(self) -> bool:
        raise RuntimeError("neither")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("incomparable")

    __hash__ = None  # type: ignore[assignment]


class Disguised(Exception):
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no class")


class Barren(Exception):
    """Refuses to be derived from."""

    def __init_subclass__(cls, **more: Any) -> None:
        raise RuntimeError("final")


class OwnBase(BaseException):
    """Outside of `Exception`."""


NASTY = "a NUL \x00 and a lone surrogate \ud800"
MEGABYTES = 10 * 1024 * 1024


def with_notes(error: Exception, *notes: Any) -> Exception:
    error.__notes__ = list(notes)
    return error


def caused_by(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def cyclic() -> Exception:
    one, other = Fault("one"), Fault("other")
    one.__cause__, other.__cause__ = other, one
    one.__context__, other.__context__ = one, other
    return one


def chain(length: int) -> Exception:
    error = Fault("the first of many")
    for _ in range(length):
        error = caused_by(Fault("caused"), error)  # type: ignore[assignment]
    return error


def groups(depth: int) -> Exception:
    error: Exception = Fault(NASTY)
    for _ in range(depth):
        error = ExceptionGroup("a group", [error, Mute()])
    return error


def broken_syntax() -> Exception:
    error = SyntaxError("broken", ("file.py", 1, 1, "text"))
    error.text, error.lineno, error.offset = 5, "one", "two"  # type: ignore[assignment]
    return error


def snooze_without_delay() -> Exception:
    snooze = Snooze(timedelta(1))
    snooze.delay = "soon"  # type: ignore[assignment]
    return snooze


def retry_without_delay() -> Exception:
    again = RetryAfter(timedelta(1))
    again.delay = None  # type: ignore[assignment]
    return again


def recursing() -> BaseException:
    return recursing()


@dataclass(frozen=True)
class Failure:
    """How to fail, and what the job's error text must hold; where it runs in another process, `afar`."""

    make: Callable[[], BaseException]
    says: str
    afar: str | None = None


FAILURES: dict[str, Failure] = {
    "a failure like any other": Failure(lambda: Fault("no luck"), "Fault: no luck"),
    "no message": Failure(Fault, "Fault"),
    "str() raises": Failure(Mute, "Mute: (its message cannot be read: RuntimeError)"),
    "str() exits": Failure(Quitter, "Quitter: (its message cannot be read: SystemExit)"),
    "str() is a number": Failure(Numeric, "Numeric: (its message cannot be read: TypeError)"),
    "str() is a trap": Failure(Trapped, "Trapped: a text with methods of its own"),
    "repr() of an argument raises": Failure(lambda: Fault(1, Nameless()), "Fault: (its message cannot"),
    "NUL and surrogate": Failure(lambda: Fault(NASTY), "a NUL \\x00 and a lone surrogate \\ud800"),
    "NUL in a note": Failure(lambda: with_notes(Fault("noted"), NASTY), "Fault: noted"),
    "notes that are none": Failure(lambda: with_notes(Fault("noted"), 5, Nameless()), "Fault: noted"),
    "notes that raise": Failure(lambda: Annotated("noted"), "Annotated: noted"),
    "NUL in the cause": Failure(lambda: caused_by(Fault("effect"), Fault(NASTY)), "Fault: effect"),
    "a cyclic cause": Failure(cyclic, "Fault: one"),
    "a long chain of causes": Failure(lambda: chain(1_500), "Fault: caused"),
    "a group": Failure(lambda: groups(2), "ExceptionGroup: a group (2 sub-exceptions)"),
    "a deep group": Failure(lambda: groups(2_000), "ExceptionGroup: a group (2 sub-exceptions)"),
    "a group of exits": Failure(
        lambda: BaseExceptionGroup("end", [SystemExit(1)]), "BaseExceptionGroup: end"
    ),
    "a message of 10 MB": Failure(lambda: Fault("x" * MEGABYTES), "Fault: xxx"),
    "a cause of 10 MB": Failure(lambda: caused_by(Fault("big"), Fault("\x00" * MEGABYTES)), "Fault: big"),
    "a note of 10 MB": Failure(lambda: with_notes(Fault("big"), "x" * MEGABYTES), "Fault: big"),
    "SystemExit": Failure(lambda: SystemExit(3), "SystemExit: 3"),
    "GeneratorExit": Failure(lambda: GeneratorExit("closed"), "GeneratorExit: closed"),
    "a BaseException": Failure(lambda: OwnBase("mine"), "OwnBase: mine"),
    "StopIteration": Failure(lambda: StopIteration(1), "StopIteration"),
    "StopAsyncIteration": Failure(lambda: StopAsyncIteration(1), "StopAsyncIteration"),
    "a cancellation": Failure(
        asyncio.CancelledError, "cancelled from within: nobody asked", "CancelledError"
    ),
    "a cancelled future": Failure(concurrent.futures.CancelledError, "ancelled"),
    "neither true nor false": Failure(lambda: Undecided("x"), "Undecided: x"),
    "no class": Failure(lambda: Disguised("x"), "RuntimeError: no class"),
    "not to be derived from": Failure(lambda: Barren("final"), "Barren: final"),
    "a broken SyntaxError": Failure(broken_syntax, "SyntaxError: broken"),
    "too deep": Failure(recursing, "RecursionError: maximum recursion"),
    "MemoryError": Failure(lambda: MemoryError("none left"), "MemoryError: none left"),
    "a Snooze without delay": Failure(snooze_without_delay, "could not be judged", "AttributeError"),
    "a RetryAfter without delay": Failure(retry_without_delay, "could not be judged", "RetryAfter"),
}


def fail(name: str) -> None:
    """Fail in the named way."""
    raise FAILURES[name].make()


async def fail_async(name: str) -> None:
    """The same from a coroutine."""
    raise FAILURES[name].make()
