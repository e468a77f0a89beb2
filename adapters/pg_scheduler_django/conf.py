"""The setting PG_SCHEDULER."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Conf:
    """What the project says, by name in capitals; all of it may be left out."""

    database: str = "default"
    """The alias of the database that holds the jobs."""
    schema: str | None = None
    """The schema of the tables; None: the first of the connection's search path."""
    modules: Sequence[str] = ("tasks",)
    """Modules of every app that a worker imports, as it does with ``tasks``."""
    worker: Mapping[str, Any] = field(default_factory=dict)
    """Further options of the worker's `Scheduler`."""


def conf() -> Conf:
    """The setting as it is now.

    Raises:
        ImproperlyConfigured: it has a name that means nothing.
    """
    given = dict(getattr(settings, "PG_SCHEDULER", {}))
    known = {name.upper(): name for name in Conf.__slots__}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ImproperlyConfigured(
            f"PG_SCHEDULER: unknown {', '.join(map(repr, unknown))}. It may have: {', '.join(sorted(known))}"
        )
    return Conf(**{known[name]: value for name, value in given.items()})
