"""What a scenario is, and the patience of the libraries while it plays."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from pg_scheduler.client.source import Library
from tests.chaos.network.plant import Plant, Server

SUBMIT = r"INSERT INTO .*scheduled_jobs .*(FROM unnest|VALUES)"
CLAIM = r"WITH RECURSIVE\s+(?:marks|walk)\b"
SETTLE = r"array_agg\(held\.job_id\)|held\.target"
ADVANCE = r"SET mark = coalesce"
RENEW = r"scheduled_job_workers AS worker \("


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of fault, and what it may cost."""

    name: str
    summary: str
    play: Callable[[Plant, int], Awaitable[int | None]]
    """Does harm, `size` times as much in the long form; returns how many extra starts it may cost."""
    workers: int = 2
    lease: float = 3.0
    """Seconds."""
    options: dict[str, Any] | None = None
    """For every scheduler."""
    own_server: Callable[[], AbstractContextManager[Server]] | None = None
    """Where it needs a server of its own."""
    proxied: bool = True
    """False where workers connect to the server itself, or to several."""
    behind: Callable[[int], AbstractContextManager[int]] | None = None
    """What stands between proxies and server: from the server's port to its own."""
    missing: Callable[[], str | None] = lambda: None
    """Why it cannot be played here; None if it can."""


@contextmanager
def impatience(library: Library) -> Iterator[None]:
    """What takes half a minute in production takes a second here."""
    package = f"pg_scheduler_{library}"
    wanted: dict[str, dict[str, float]] = {
        "sessions": {"COMMAND_TIMEOUT": 2.0},
        "listening": {"PROBE_INTERVAL": 0.5, "PROBE_TIMEOUT": 1.5},
        "connecting": {"CONNECT_TIMEOUT": 3},
    }
    before: list[tuple[Any, str, Any]] = []
    for name, values in wanted.items():
        module = importlib.import_module(f"{package}.{name}")
        for setting, value in values.items():
            before.append((module, setting, getattr(module, setting)))
            setattr(module, setting, value)
    try:
        yield
    finally:
        for module, setting, value in before:
            setattr(module, setting, value)
