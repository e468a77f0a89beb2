"""Notifies observers of what the engine does, and survives their errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.ports.observer import Observer

log: logging.Logger = logging.getLogger(__name__)

OnSettled = Callable[[ClaimedJob, Verdict], None]


class Observers:
    """The observers of one worker. An exception in an observer is logged and stops nothing."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self._recorders: list[OnSettled] = []

    @property
    def any(self) -> bool:
        """True if somebody is to be told of settled attempts."""
        return bool(self._observers or self._recorders)

    def jobs_started(self, jobs: Sequence[ClaimedJob]) -> None:
        """Attempts have started, in this order."""
        if self._observers:
            for job in jobs:
                self._job_started(job)

    def _job_started(self, job: ClaimedJob) -> None:
        self._call(lambda observer: observer.job_started(job))

    def job_settled(self, attempt: Attempt, verdict: Verdict, took: float, accepted: bool) -> None:
        """A verdict has been answered, `took` seconds after the attempt began."""
        if self._observers:
            duration = timedelta(seconds=took)
            self._call(lambda observer: observer.job_settled(attempt.job, verdict, duration, accepted))
        for record in self._recorders:
            record(attempt.job, verdict)

    def job_ended(self, job: ClaimedJob, verdict: Verdict, lasted: float) -> None:
        """A job has ended here whose worker stopped responding: the verdict is the store's own."""
        duration = timedelta(seconds=lasted)
        self._call(lambda observer: observer.job_settled(job, verdict, duration, True))

    def pass_finished(self, service: str) -> None:
        """A service has made a round."""
        self._call(lambda observer: observer.pass_finished(service))

    @contextmanager
    def recording(self, record: OnSettled) -> Iterator[None]:
        """Within this block `record` is called for every settled attempt."""
        self._recorders.append(record)
        try:
            yield
        finally:
            self._recorders.remove(record)

    def _call(self, method: Callable[[Observer], None]) -> None:
        for observer in self._observers:
            try:
                method(observer)
            except Exception:
                log.exception("an observer failed")
