"""The Observer port: what the engine tells about itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from pg_scheduler.domain.model import ClaimedJob

if TYPE_CHECKING:
    from pg_scheduler.domain.verdict import Verdict
    from pg_scheduler.ports.worker_events import WorkerEvent


class Observer(Protocol):
    """Called by the engine, synchronously and in its event loop: be quick. An exception in an observer is
    logged and does not affect the job."""

    def job_started(self, job: ClaimedJob) -> None:
        """An attempt starts."""

    def job_settled(self, job: ClaimedJob, verdict: Verdict, took: timedelta, accepted: bool) -> None:
        """An attempt's verdict reached the store; `accepted` is False where its lease had been lost.

        It is also called by the worker that takes a job back whose worker stopped responding, if the job ends
        thereby: `verdict.event` is then EXHAUST_CRASHES (it has failed) or CONFIRM_CANCEL."""

    def pass_finished(self, service: str) -> None:
        """A service (claimer, reclaimer, lease keeper, settler, ...) finished one round."""


class EventObserver(Protocol):
    """An observer that is told everything by one method, of many jobs at once. As `Observer` it is called
    synchronously, from the engine's event loop and, of what a client stores, from wherever that happens."""

    def observe(self, event: WorkerEvent) -> None:
        """Something has happened."""
