"""Notifies observers of what the engine does, and survives their errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Protocol

from pg_scheduler.domain.model import ClaimedJob
from pg_scheduler.domain.verdict import Verdict
from pg_scheduler.engine.running.attempt import Attempt
from pg_scheduler.ports.clock import Clock
from pg_scheduler.ports.observer import EventObserver, Observer
from pg_scheduler.ports.worker_events import AttemptsSettled, Ended, JobsStarted, WorkerEvent

log: logging.Logger = logging.getLogger(__name__)

OnSettled = Callable[[ClaimedJob, Verdict], None]


class Counting(Protocol):
    """What keeps the worker's own figures: told of attempts as they are, because that is cheaper."""

    def note_started(self, event: JobsStarted) -> None:
        """Attempts have begun."""

    def note_settled(self, attempts: Sequence[Attempt]) -> None:
        """Verdicts have been accepted."""

    def note_ended(self, job: ClaimedJob, verdict: Verdict) -> None:
        """A job has ended whose worker stopped responding."""


class Observers:
    """The observers of one worker. An exception in an observer is logged and stops nothing."""

    def __init__(
        self,
        observers: Sequence[Observer | EventObserver],
        clock: Clock,
        counting: Counting | None = None,
    ) -> None:
        self._observers = observers
        self._counting = counting
        self._clock = clock
        self._recorders: list[OnSettled] = []

    @property
    def any(self) -> bool:
        """True if somebody is to be told of settled attempts."""
        return bool(self._counting is not None or self._observers or self._recorders)

    @property
    def watched(self) -> bool:
        """True if there is somebody to tell."""
        return bool(self._observers)

    def emit(self, event: WorkerEvent) -> None:
        """Something has happened: tell those who are told everything."""
        for observer in self._observers:
            observe = getattr(observer, "observe", None)
            if observe is not None:
                _call(observe, event)

    def jobs_started(self, jobs: Sequence[ClaimedJob]) -> None:
        """Attempts have started, in this order."""
        if self._counting is not None or self._observers:
            event = JobsStarted(jobs, self._clock.now())
            if self._counting is not None:
                _call(self._counting.note_started, event)
            self.emit(event)
            for job_started in self._methods("job_started"):
                for job in jobs:
                    _call(job_started, job)

    def attempts_settled(self, attempts: Sequence[Attempt], accepted: bool) -> None:
        """The verdicts of these attempts have been answered."""
        if self._counting is not None and accepted:
            _call(self._counting.note_settled, attempts)
        if self._observers or self._recorders:
            self._settled([Ended(one.job, one.verdict, one.took, accepted, one.began) for one in attempts])

    def job_ended(self, job: ClaimedJob, verdict: Verdict, lasted: float) -> None:
        """A job has ended here whose worker stopped responding: the verdict is the store's own."""
        if self._counting is not None:
            _call(self._counting.note_ended, job, verdict)
        self._settled([Ended(job, verdict, lasted, True, began=False)], recorded=False)

    def _settled(self, ended: Sequence[Ended], recorded: bool = True) -> None:
        if self._observers:
            self.emit(AttemptsSettled(ended))
            for job_settled in self._methods("job_settled"):
                for job, verdict, took, accepted, _ in ended:
                    _call(job_settled, job, verdict, timedelta(seconds=took), accepted)
        for record in self._recorders if recorded else ():
            for one in ended:
                record(one.job, one.verdict)

    def pass_finished(self, service: str) -> None:
        """A service has made a round."""
        for pass_finished in self._methods("pass_finished"):
            _call(pass_finished, service)

    @contextmanager
    def recording(self, record: OnSettled) -> Iterator[None]:
        """Within this block `record` is called for every settled attempt."""
        self._recorders.append(record)
        try:
            yield
        finally:
            self._recorders.remove(record)

    def _methods(self, name: str) -> list[Callable[..., None]]:
        found = (getattr(observer, name, None) for observer in self._observers)
        return [method for method in found if method is not None]


def _call(method: Callable[..., None], *facts: object) -> None:
    try:
        method(*facts)
    except Exception:
        log.exception("an observer failed")
