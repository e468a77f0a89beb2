"""What the groups of the scheduler's methods have in common: the parts they delegate to."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pg_scheduler.engine.bundling import Bundler
from pg_scheduler.engine.ends import Ends
from pg_scheduler.engine.registry import TaskRegistry
from pg_scheduler.engine.submission import JobFactory
from pg_scheduler.engine.worker import Worker
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver
from pg_scheduler.schedule_book import ScheduleBook


class SchedulerParts(ABC):
    """The parts of a `Scheduler`. Its methods stand in groups, a file each; all of them delegate to these."""

    driver: Driver
    clock: Clock
    codec: Codec
    ends: Ends
    schedules: ScheduleBook
    _registry: TaskRegistry
    _factory: JobFactory
    _bundler: Bundler
    _worker: Worker

    @abstractmethod
    async def open(self) -> None:
        """Connect without starting to run jobs."""

    @abstractmethod
    async def start(self) -> None:
        """Start running due jobs."""
