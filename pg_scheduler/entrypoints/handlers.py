"""What may be decorated. Each type variable keeps the decorated function's own type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pg_scheduler.models import Context, Job, Schedule

JobHandler = TypeVar("JobHandler", bound=Callable[[Job], object])
"""A function of the `Job`."""

ContextHandler = TypeVar("ContextHandler", bound=Callable[[Job, Context], object])
"""A function of the `Job` and the `Context`."""

ScheduleHandler = TypeVar("ScheduleHandler", bound=Callable[[Schedule], object])
"""A function of the `Schedule`."""

AnyHandler = TypeVar("AnyHandler", bound=Callable[..., object])
"""A function that an executor of its own calls, with whatever it likes."""
