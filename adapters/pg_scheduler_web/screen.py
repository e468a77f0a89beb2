"""Screens as data: each consists of regions, which are asked for, fail, and are renewed by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pg_scheduler_web.access import Right
from pg_scheduler_web.desk import PATIENCE, Inquiry
from pg_scheduler_web.forms import Fields


class Topic(StrEnum):
    """What may have changed."""

    JOBS = "jobs"
    QUEUES = "queues"
    SCHEDULES = "schedules"
    WORKERS = "workers"


Question: TypeAlias = Callable[[Inquiry], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a screen. Its template is ``regions/NAME.html``, with what the question answers."""

    name: str
    ask: Question
    topics: tuple[Topic, ...] = ()
    """What renews it; none: only loading the page does."""
    patience: float = PATIENCE
    """Seconds after which the page gives up, whatever the server says."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A page. Its template is ``screens/NAME.html``."""

    name: str
    path: str
    title: Callable[[Fields], str]
    regions: tuple[Region, ...]
    right: Right = Right.READ
    section: str = ""
    """The screen of the navigation that it belongs to; by default itself."""


class Missing(Exception):
    """There is no such thing; the text says which."""
