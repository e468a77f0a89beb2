"""What the groups of the scheduler's methods have in common: the parts they delegate to."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pg_scheduler.client.completion_waiter import CompletionWaiter
from pg_scheduler.client.job_factory import JobFactory
from pg_scheduler.client.schedule_book import ScheduleBook
from pg_scheduler.client.submit_batcher import SubmitBatcher
from pg_scheduler.engine.tasks.registry import TaskRegistry
from pg_scheduler.engine.worker import Worker
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.codec import Codec
from pg_scheduler.ports.driver import Driver


class SchedulerParts(ABC):
    """The parts of a `Scheduler`. Its methods stand in groups, a file each; all of them delegate to these."""

    driver: Driver
    clock: Clock
    codec: Codec
    ends: CompletionWaiter
    schedules: ScheduleBook
    _registry: TaskRegistry
    _factory: JobFactory
    _bundler: SubmitBatcher
    _worker: Worker

    @abstractmethod
    async def open(self) -> None:
        """Connect without starting to run jobs."""

    @abstractmethod
    async def start(self) -> None:
        """Start running due jobs."""
